/** What processes on one shared state tell one another of providers: pauses and breakers. */
import type { Pause } from "./backoff.ts"

export type PauseReason = "rate_limited" | "quota_exhausted"

/** Times are monotonic milliseconds of the process that holds it. */
export type News =
  | {
      readonly is: "pause"
      readonly scope: string
      readonly reason: PauseReason
      readonly pause: Pause
    }
  /** A whole answer to a call that began at `startedAt` has ended the pause. */
  | { readonly is: "rest"; readonly scope: string; readonly reason: PauseReason; readonly startedAt: number }
  | { readonly is: "open"; readonly target: string; readonly until: number }
  /** The same for a breaker. */
  | { readonly is: "close"; readonly target: string; readonly startedAt: number }

const MARKS = { rate_limited: "r", quota_exhausted: "q" } as const

/** What it is about: later news of it replace earlier ones. */
export function fieldOf(news: News): string {
  return "scope" in news ? `${MARKS[news.reason]}${news.scope}` : `b${news.target}`
}

const DAY_MS = 86_400_000

/** For the store: the field, what it is, how long until its end, how long ago it began, failures and step. */
export type NewsWords = readonly [
  field: string,
  is: News["is"],
  inMs: number,
  agoMs: number,
  failures: number,
  stepMs: number,
]

export function wordsOf(news: News, now: number): NewsWords {
  const field = fieldOf(news)
  if (news.is === "pause") {
    const { until, since, failures, stepMs } = news.pause
    // it may have ended since it was told
    return [field, news.is, Math.max(0, until - now), Math.min(DAY_MS, now - since), failures, stepMs]
  }
  if (news.is === "open") return [field, news.is, news.until - now, 0, 0, 0]
  return [field, news.is, 0, now - news.startedAt, 0, 0]
}

/** `text`: as the store keeps it, in its own time. Null: somebody else wrote that. */
export function newsFrom(field: string, text: string, storeNow: number, now: number): News | null {
  const [, is, ...numbers] = text.split(" ")
  const [until, at, failures, stepMs] = numbers.map(Number)
  if (until === undefined || at === undefined || failures === undefined || stepMs === undefined) return null
  if (![until, at, failures, stepMs].every(Number.isFinite)) return null
  const here = (time: number): number => now + time - storeNow
  const name = field.slice(1)
  if (field.startsWith("b")) {
    if (is === "open") return { is, target: name, until: here(until) }
    return is === "close" ? { is, target: name, startedAt: here(at) } : null
  }
  const reason = field.startsWith("r") ? "rate_limited" : field.startsWith("q") ? "quota_exhausted" : null
  if (reason === null) return null
  if (is === "pause")
    return { is, scope: name, reason, pause: { until: here(until), since: here(at), failures, stepMs } }
  return is === "rest" ? { is, scope: name, reason, startedAt: here(at) } : null
}
