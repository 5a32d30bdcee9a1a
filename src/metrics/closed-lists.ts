/** The values that `error_type` and its like can have, each with its place in an array of counts; place 0 is "none of them". */
import type { Target } from "../config/snapshot.ts"
import { CATALOGUE } from "../error-catalogue.ts"
import type { UsageRow, UsageSource } from "../ledger/record.ts"
import type { FailureClass } from "../upstream/failure.ts"
import { REASONS } from "../reasons.ts"

const FAILURE_CLASSES: Readonly<Record<FailureClass, true>> = {
  network: true,
  timeout: true,
  rate_limited: true,
  quota_exhausted: true,
  access_denied: true,
  bad_request: true,
  request_too_large: true,
  server_error: true,
  redirect: true,
  malformed_answer: true,
  empty_stream: true,
  stream_broken: true,
  client_cancel: true,
  refused: true,
  internal: true,
  stale_connection: true,
}
const SOURCES: Readonly<Record<UsageSource, true>> = { none: true, provider: true, partial: true, estimated: true }

const DIALECTS: Readonly<Record<Target["dialect"], true>> = {
  "openai-chat": true,
  "openai-responses": true,
  anthropic: true,
}

const BYPASSES: Readonly<Record<Exclude<NonNullable<UsageRow["cache_reason"]>, "cache-hit" | "cache-miss">, true>> = {
  "cache-request-no-cache": true,
  "cache-request-no-store": true,
  "cache-tool-request": true,
  "cache-image-request": true,
  "cache-structured-output": true,
  "cache-streaming": true,
  "cache-temperature": true,
  "cache-stateful-request": true,
  "cache-request-shape": true,
}

export class ClosedList {
  readonly values: readonly string[]
  readonly #places: ReadonlyMap<string | null, number>

  /** Place 0 is `first`, or the absence of a value. */
  constructor(first: string, values: readonly string[]) {
    this.values = [first, ...values]
    this.#places = new Map(this.values.map((value, place) => [value, place]))
  }

  /** What is not on the list counts as its first. */
  placeOf(value: string | null): number {
    return this.#places.get(value) ?? 0
  }
}

/** The codes of the error catalogue. */
export const ERROR_CODES: ClosedList = new ClosedList("", Object.keys(CATALOGUE))
/** Why an attempt failed. */
export const ATTEMPT_ERRORS: ClosedList = new ClosedList("", Object.keys(FAILURE_CLASSES))
/** The same, in as many words as operators need to mend it. */
export const ATTEMPT_REASONS: ClosedList = new ClosedList("", Object.keys(REASONS))
export const USAGE_SOURCES: ClosedList = new ClosedList("none", Object.keys(SOURCES).slice(1))
export const DIALECT_NAMES: ClosedList = new ClosedList("openai-chat", Object.keys(DIALECTS).slice(1))
/** By the first digit of a status. */
export const STATUS_CLASSES = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"] as const
/** What the response cache did with a call that it met. */
export const CACHE_RESULTS: ClosedList = new ClosedList("miss", ["hit", "bypass"])
/** Why it was passed by. */
export const CACHE_REASONS: ClosedList = new ClosedList("", Object.keys(BYPASSES))
/** Refusals that a caller's limits are behind. */
export const LIMIT_CODES: ClosedList = new ClosedList("", [
  "rpm-exceeded",
  "tpm-exceeded",
  "concurrency-exceeded",
  "quota-exhausted",
  "spend-exhausted",
  "key-exhausted",
  "traffic-shaped",
])
