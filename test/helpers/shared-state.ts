/** Shared states as several processes would open them, on one Redis and one ledger that tests write by hand. */
import { systemClock } from "../../src/system/clock.ts"
import { silentLog } from "../../src/system/log.ts"
import { SharedState, type SharedOptions } from "../../src/governance/redis/shared.ts"
import type {
  AdmissionRequest,
  Amounts,
  Amounts3,
  Check,
  CompiledLimits,
  Lease,
  Refusal,
  Subject,
  SubjectTotals,
} from "../../src/governance/state.ts"

export const SUBJECTS: readonly Subject[] = [
  { key: "caller:c", scope: "caller", id: "c" },
  { key: "project:p", scope: "project", id: "p" },
]

/** Every check is made for both subjects. */
export function limitsOf(limits: Partial<Record<Check["kind"], number>>): CompiledLimits {
  const checks = Object.entries(limits).flatMap(([kind, limit]) =>
    [0, 1].map((subject) => ({ kind: kind as Check["kind"], subject, limit, perSecond: 0, softLimit: Infinity })),
  )
  return { subjects: SUBJECTS, checks, countsTokens: true, countsMoney: false, shapes: false, queue: null }
}

let drawn = 0
export const drawId = (): string => `${process.pid}-${(drawn += 1)}`

export const NOTHING: Amounts3 = { requests: 0, tokens: 0, nanoUsd: 0 }

/** What a ledger would say: the same for both subjects. */
export function totals(used: Amounts3): (subjects: readonly Subject[]) => Promise<readonly SubjectTotals[]> {
  return () =>
    Promise.resolve(
      SUBJECTS.map(({ key }) => {
        const all = {
          day: used,
          month: used,
          beside: [],
          lifetimeTokens: used.tokens,
          isWholeLifetime: true,
          lastMinute: [],
        }
        return { key, ts: systemClock.now(), ...all }
      }),
    )
}

const nothingKnown = (): Promise<ReadonlyMap<string, Amounts>> => Promise.resolve(new Map())

/** For a machine that is slow or busy. */
const PATIENT = { connectMs: 30_000, commandMs: 30_000 }
/** For a store that hangs on purpose: it is noticed after a second. */
export const HANGS = { connectMs: 1000, commandMs: 1000 }

export async function openShared(url: string, more: Partial<SharedOptions> = {}): Promise<SharedState> {
  const standard = {
    url,
    limits: PATIENT,
    clock: systemClock,
    log: silentLog,
    drawId,
    totalsOf: totals(NOTHING),
    usedBy: nothingKnown,
    isLimited: () => true,
  }
  const { totalsOf, usedBy } = { ...standard, ...more }
  const reading: SharedOptions["reading"] = (work) => work({ totalsOf, usedBy })
  const state = new SharedState({ ...standard, reading, onUnavailable: "fail_closed", ...more })
  await state.open()
  return state
}

export function call(limits: CompiledLimits, tokens = 10): AdmissionRequest {
  return {
    id: `req_${drawId()}`,
    limits,
    ts: systemClock.now(),
    nowMs: systemClock.monotonicMs(),
    inputTokens: 0,
    outputTokens: tokens,
    leastOutputTokens: tokens,
    inputNanoUsd: 0,
    outputNanoUsdPerMillion: 0,
  }
}

export function granted(outcome: Lease | Refusal): Lease {
  if (outcome.kind !== "lease") throw new Error(`refused: ${JSON.stringify(outcome)}`)
  return outcome
}

/** Of the first check: settled and reserved. */
export async function counted(state: SharedState, limits: CompiledLimits): Promise<readonly [number, number]> {
  const [first] = await state.view(limits, systemClock.now(), systemClock.monotonicMs())
  return [first?.used ?? Number.NaN, first?.reserved ?? Number.NaN]
}
