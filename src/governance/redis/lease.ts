/** What this process knows of a call that holds a lease in the store, and the words that scripts take. */
import { dayOf, monthOf } from "../counts.ts"
import { outputCost } from "../measure.ts"
import { CHECK_FACTS, type CheckFacts } from "../check-kinds.ts"
import type { AdmissionRequest, CompiledLimits, Lease, LimitState, Subject, SubjectTotals } from "../state.ts"

/** One hash slot for all, so that a script may touch several in a cluster too. */
const PREFIX = "{smart-router}:"

/** Worked out once for each list of limits. */
export interface PreparedLimits {
  readonly keys: readonly string[]
  /** As the scripts read them: a flat list in JSON. */
  readonly checks: string
}

export function prepare({ subjects, checks }: CompiledLimits): PreparedLimits {
  return {
    keys: subjects.map(({ key }) => storeKey(key)),
    checks: JSON.stringify(
      checks.flatMap(({ kind, subject, limit, perSecond, softLimit }) => [
        ...wordsOf(CHECK_FACTS[kind]),
        subject,
        limit,
        perSecond,
        softLimit === Infinity ? -1 : softLimit,
      ]),
    ),
  }
}

/** As `checks.lua` numbers them. */
const OVER: Readonly<Record<CheckFacts["over"], number>> = {
  flight: 1,
  minute: 2,
  day: 3,
  month: 4,
  lifetime: 5,
  bucket: 6,
}
const COUNTS: Readonly<Record<CheckFacts["counts"], number>> = { calls: 1, tokens: 2, nano_usd: 3, input: 4, output: 5 }

function wordsOf({ over, counts }: CheckFacts): readonly [over: number, counts: number] {
  return [OVER[over], COUNTS[counts]]
}

const MINUTE_MS = 60_000

/** For the script `restore`. */
export function totalsWords(totals: SubjectTotals, recountMs: string): readonly string[] {
  const calls = ofLastMinute(totals)
    .toSorted((left, right) => right.agoMs - left.agoMs)
    .flatMap((call) => [call.agoMs, call.tokens])
  return [...periodWords(totals), recountMs, ...calls.map(String)]
}

/** For the script `finish`. */
export function finishWords(totals: SubjectTotals): readonly string[] {
  const calls = ofLastMinute(totals)
  const tokens = calls.reduce((sum, call) => sum + call.tokens, 0)
  return [...periodWords(totals), String(calls.length), String(tokens)]
}

function periodWords({ day, month, lifetimeTokens }: SubjectTotals): readonly string[] {
  const numbers = [day.requests, day.tokens, day.nanoUsd, month.requests, month.tokens, month.nanoUsd, lifetimeTokens]
  return numbers.map(String)
}

function ofLastMinute({ lastMinute }: SubjectTotals): SubjectTotals["lastMinute"] {
  return lastMinute.filter(({ agoMs }) => agoMs < MINUTE_MS)
}

export function storeKey(subjectKey: string): string {
  return PREFIX + subjectKey
}

/** By their keys; those of other words are none. */
export function subjectsNamed(keys: readonly string[]): readonly Subject[] {
  return keys.flatMap((key): Subject[] => {
    const [scope = "", ...rest] = key.split(":")
    return scope === "caller" || scope === "project" ? [{ key, scope, id: rest.join(":") }] : []
  })
}

/** The key of the subject that the store knows by this name. */
export function subjectOf(name: string): string {
  return name.slice(PREFIX.length)
}

/** The calendar day and month of an instant, as words. */
export class CalendarWords {
  #day = Number.NaN
  #words: readonly [day: string, month: string] = ["", ""]

  of(ts: number): readonly [day: string, month: string] {
    const day = dayOf(ts)
    if (day !== this.#day) {
      this.#day = day
      this.#words = [String(day), String(monthOf(ts))]
    }
    return this.#words
  }
}

const STATES: readonly (LimitState | null)[] = [null, "ok", "warning", "exhausted"]

export class StoreLease implements Lease {
  readonly kind = "lease"
  readonly id: string
  readonly ts: number
  readonly limits: CompiledLimits
  readonly prepared: PreparedLimits
  readonly calendar: readonly [day: string, month: string]
  readonly inputTokens: number
  readonly outputNanoUsdPerMillion: number
  readonly takenAtMs: number
  readonly quotaState: LimitState | null
  readonly keyState: LimitState | null
  /** How much the store had taken and booked until then. */
  readonly beat: number
  /** Of each subject: what the store's data was when the lease was taken. */
  readonly generations: string[]
  outputTokens: number
  nanoUsd: number
  isOpen = true

  /** `granted`: the answer of the script. */
  constructor(
    request: AdmissionRequest,
    prepared: PreparedLimits,
    calendar: StoreLease["calendar"],
    granted: readonly unknown[],
  ) {
    this.id = request.id
    this.ts = request.ts
    this.limits = request.limits
    this.prepared = prepared
    this.calendar = calendar
    this.inputTokens = request.inputTokens
    this.outputNanoUsdPerMillion = request.outputNanoUsdPerMillion
    this.takenAtMs = request.nowMs
    this.outputTokens = Number(granted[1])
    this.nanoUsd = request.inputNanoUsd + outputCost(this.outputTokens, request.outputNanoUsdPerMillion)
    this.quotaState = STATES[Number(granted[2])] ?? null
    this.keyState = STATES[Number(granted[3])] ?? null
    this.beat = Number(granted[4])
    this.generations = granted.slice(5).map(String)
  }

  grow(outputTokens: number): void {
    this.outputTokens += outputTokens
    this.nanoUsd += outputCost(outputTokens, this.outputNanoUsdPerMillion)
  }

  get tokens(): number {
    return this.inputTokens + this.outputTokens
  }
}
