/** The search index as the binary holds it: scripts/build.ts puts another module in this one's place. */

/** Null: this is a checkout, which makes it when it is first asked for. */
export const EMBEDDED_INDEX: string | null = null
