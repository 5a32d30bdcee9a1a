/** Fills the counts of limits from the ledger, so that no restart, crash or reload forgets what was used. */
import type { Snapshot } from "../config/snapshot.ts"
import { dayOf, monthOf } from "../governance/counts.ts"
import type { BesidePeriod, CompiledLimits, GovernanceState, Subject, SubjectTotals } from "../governance/state.ts"
import type { CallerTotals, LimitTotals, PeriodTotals, RecentCall, UsedAmounts } from "../ledger/limit-totals.ts"
import type { Clock } from "../system/clock.ts"

/** What is needed of the ledger. */
export interface TotalsStore {
  limitTotals(ofLifetime: boolean): Promise<LimitTotals>
}

/** Only subjects that are not counted yet are read; where there is none, the ledger is not asked. */
export async function restoreLimits(
  snapshot: Snapshot,
  state: GovernanceState,
  store: TotalsStore,
  clock: Clock,
): Promise<void> {
  const subjects = new Map<string, Subject>()
  let ofLifetime = false
  for (const limits of snapshot.callerLimits.values()) {
    for (const [index, subject] of (limits?.subjects ?? []).entries()) {
      const isForever =
        limits?.checks.some((check) => check.kind === "lifetime_tokens" && check.subject === index) === true
      if (!(await state.knows(subject.key, isForever))) {
        subjects.set(subject.key, subject)
        ofLifetime ||= isForever
      }
    }
  }
  if (subjects.size === 0) return
  await state.restore(await totalsOf([...subjects.values()], ofLifetime, snapshot, store, clock), clock.monotonicMs())
}

/** Behind a reload: whoever has lost its limits is not counted any more. */
export function forgetLimits(before: Snapshot, now: Snapshot, state: GovernanceState): void {
  const gone = new Set([...before.callerLimits.values()].flatMap(keysOf))
  for (const limits of now.callerLimits.values()) for (const key of keysOf(limits)) gone.delete(key)
  if (gone.size > 0) state.forget(gone)
}

function keysOf(limits: CompiledLimits | null): readonly string[] {
  return limits?.subjects.map(({ key }) => key) ?? []
}

/** For a store that lost its data: all subjects that have limits, and these. */
export function allTotals(
  subjects: readonly Subject[],
  snapshot: Snapshot,
  store: TotalsStore,
  clock: Clock,
): Promise<readonly SubjectTotals[]> {
  const limited = [...snapshot.callerLimits.values()].flatMap((limits) => limits?.subjects ?? [])
  const all = new Map([...limited, ...subjects].map((subject) => [subject.key, subject]))
  return totalsOf([...all.values()], true, snapshot, store, clock)
}

async function totalsOf(
  subjects: readonly Subject[],
  ofLifetime: boolean,
  snapshot: Snapshot,
  store: TotalsStore,
  clock: Clock,
): Promise<readonly SubjectTotals[]> {
  const known = await store.limitTotals(ofLifetime)
  const projects = new Map([...snapshot.credentials.values()].map(({ caller }) => [caller.id, caller.project]))
  const ts = clock.now()
  const periods = known.periods.map((period) => ({ ...period, totals: bySubject(period.totals, projects) }))
  const recent = bySubject(known.recent, projects)
  return subjects.map(({ key }) => {
    const used = periods.map(({ totals, ...period }) => ({ ...period, used: sum(totals.get(key) ?? []) }))
    return { ...subjectTotals(key, used, recent.get(key) ?? [], ts), isWholeLifetime: ofLifetime }
  })
}

/** Each entry under its caller and under its project, by the keys of subjects. */
function bySubject<Entry extends CallerTotals | RecentCall>(
  entries: readonly Entry[],
  projects: ReadonlyMap<string, string>,
): ReadonlyMap<string, readonly Entry[]> {
  const found = new Map<string, Entry[]>()
  for (const entry of entries) {
    const project = entry.project === "" ? (projects.get(entry.callerId) ?? "") : entry.project
    for (const key of [`caller:${entry.callerId}`, `project:${project}`]) {
      const list = found.get(key)
      if (list === undefined) found.set(key, [entry])
      else list.push(entry)
    }
  }
  return found
}

interface UsedPeriod {
  readonly kind: PeriodTotals["kind"]
  readonly ts: number
  readonly used: UsedAmounts
}

function subjectTotals(
  key: string,
  periods: readonly UsedPeriod[],
  recent: readonly RecentCall[],
  ts: number,
): Omit<SubjectTotals, "isWholeLifetime"> {
  const present = periods.filter((period) => isAround(ts, period))
  const usedOf = (kind: UsedPeriod["kind"]): UsedAmounts | undefined =>
    present.find((period) => period.kind === kind)?.used
  const month = usedOf("month") ?? NOTHING
  return {
    key,
    ts,
    day: usedOf("day") ?? NOTHING,
    month,
    beside: periods.flatMap(({ kind, ts: inside, used }): readonly BesidePeriod[] =>
      kind === "lifetime" || isAround(ts, { kind, ts: inside }) ? [] : [{ kind, ts: inside, used }],
    ),
    lifetimeTokens: (usedOf("lifetime") ?? month).tokens,
    lastMinute: recent.map((call) => ({ agoMs: Math.max(0, ts - call.ts), tokens: call.tokens })),
  }
}

function isAround(ts: number, period: Pick<UsedPeriod, "kind" | "ts">): boolean {
  if (period.kind === "lifetime") return true
  return period.kind === "day" ? dayOf(period.ts) === dayOf(ts) : monthOf(period.ts) === monthOf(ts)
}

const NOTHING: UsedAmounts = { requests: 0, tokens: 0, nanoUsd: 0 }

function sum(entries: readonly CallerTotals[]): UsedAmounts {
  const all = { requests: 0, tokens: 0, nanoUsd: 0 }
  for (const { used } of entries) {
    all.requests += used.requests
    all.tokens += used.tokens
    all.nanoUsd += used.nanoUsd
  }
  return all
}
