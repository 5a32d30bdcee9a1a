/**
 * What sample data is known by, wherever it is shown. Every caller of it has the tag in `caller_tags`, every row the
 * environment and the version: a filter by environment leaves it out, or shows nothing else.
 */

/** A tag of callers, as `callers[].tags` would set it. */
export const SAMPLE_TAG = { name: "sample", value: "true" } as const

/** How the environments of sample callers begin. */
export const SAMPLE_ENVIRONMENT = "sample-"

/** In place of the version of a router, and of the client of a security event. */
export const SAMPLE_VERSION = "sample data"
