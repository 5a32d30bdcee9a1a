/** What can be limited: over which time, and which amount of a call. Checks, refusals and views follow from this table. */

/**
 * - `flight`: calls with a lease that is not settled.
 * - `minute`: what was admitted in the last 60 s, by the time of admission. May be counted in slices of at most a second, if a slice
 *   counts until its last moment is 60 s old: the limit then holds for every window of 60 s.
 * - `day`, `month`: the UTC calendar day and month of `AdmissionRequest.ts`; later changes of the call go there too.
 * - `lifetime`: for ever.
 * - `bucket`: token buckets (`perSecond`, `limit` is the burst). A call that costs more than the burst passes when the bucket is full
 *   and leaves it in debt; one whose debt would last longer than an hour never passes (`retryAfterMs` is null). Nothing is given
 *   back later.
 */
export type CheckFacts =
  | { readonly over: "flight"; readonly counts: "calls" }
  | { readonly over: "minute"; readonly counts: "calls" | "tokens" }
  | { readonly over: "day" | "month"; readonly counts: "calls" | "tokens" | "nano_usd" }
  | { readonly over: "lifetime"; readonly counts: "tokens" }
  | { readonly over: "bucket"; readonly counts: BucketAmount }

/** `tokens`: of input and output. */
export type BucketAmount = "calls" | "input" | "output" | "tokens"

export type CheckKind =
  | "concurrent"
  | "request_start"
  | "rpm"
  | "tpm"
  | "day_requests"
  | "day_tokens"
  | "month_requests"
  | "month_tokens"
  | "lifetime_tokens"
  | "day_nano_usd"
  | "month_nano_usd"
  | "input_tokens"
  | "output_reservation_tokens"
  | "total_reserved_tokens"

/** In the order in which checks are made; of two subjects the caller's is checked first. */
export const CHECK_FACTS: Readonly<Record<CheckKind, CheckFacts>> = {
  concurrent: { over: "flight", counts: "calls" },
  request_start: { over: "bucket", counts: "calls" },
  rpm: { over: "minute", counts: "calls" },
  tpm: { over: "minute", counts: "tokens" },
  day_requests: { over: "day", counts: "calls" },
  day_tokens: { over: "day", counts: "tokens" },
  month_requests: { over: "month", counts: "calls" },
  month_tokens: { over: "month", counts: "tokens" },
  lifetime_tokens: { over: "lifetime", counts: "tokens" },
  day_nano_usd: { over: "day", counts: "nano_usd" },
  month_nano_usd: { over: "month", counts: "nano_usd" },
  input_tokens: { over: "bucket", counts: "input" },
  output_reservation_tokens: { over: "bucket", counts: "output" },
  total_reserved_tokens: { over: "bucket", counts: "tokens" },
}

export const CHECK_KINDS: readonly CheckKind[] = Object.keys(CHECK_FACTS) as CheckKind[]

/** A call takes one of it when its head is here, and its lease gives that back. */
export function isKnownByHead(kind: CheckKind): boolean {
  const { over, counts } = CHECK_FACTS[kind]
  return counts === "calls" && over !== "bucket"
}

export function isMoney(kind: CheckKind): boolean {
  return CHECK_FACTS[kind].counts === "nano_usd"
}

/** Of a calendar day or month. */
export function isPeriodic(kind: CheckKind): boolean {
  const { over } = CHECK_FACTS[kind]
  return over === "day" || over === "month"
}
