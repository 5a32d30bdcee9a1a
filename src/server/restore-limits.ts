/** Fills the counts of limits from the ledger, so that no restart, crash or reload forgets what was used. */
import type { Snapshot } from "../config/snapshot.ts"
import type { GovernanceState, Subject, SubjectTotals } from "../governance/state.ts"
import type { CallerTotals, LimitTotals, RecentCall, UsedAmounts } from "../ledger/limit-totals.ts"
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
    for (const subject of limits?.subjects ?? [])
      if (!subjects.has(subject.key) && !(await state.knows(subject.key))) subjects.set(subject.key, subject)
    if (limits?.checks.some(({ kind }) => kind === "lifetime_tokens") === true) ofLifetime = true
  }
  if (subjects.size === 0) return
  await state.restore(await totalsOf([...subjects.values()], ofLifetime, snapshot, store, clock), clock.monotonicMs())
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
  return subjects.map((subject) => {
    const isMine = ({ callerId, project }: CallerTotals | RecentCall): boolean =>
      subject.scope === "caller"
        ? callerId === subject.id
        : (project === "" ? projects.get(callerId) : project) === subject.id
    return subjectTotals(subject, known.totals.filter(isMine), known.recent.filter(isMine), ts)
  })
}

function subjectTotals(
  { key }: Subject,
  totals: readonly CallerTotals[],
  recent: readonly RecentCall[],
  ts: number,
): SubjectTotals {
  return {
    key,
    ts,
    day: sum(totals.map(({ day }) => day)),
    month: sum(totals.map(({ month }) => month)),
    lifetimeTokens: totals.reduce((all, { lifetimeTokens }) => all + lifetimeTokens, 0),
    lastMinute: recent.map((call) => ({ agoMs: Math.max(0, ts - call.ts), tokens: call.tokens })),
  }
}

function sum(amounts: readonly UsedAmounts[]): UsedAmounts {
  const all = { requests: 0, tokens: 0, nanoUsd: 0 }
  for (const { requests, tokens, nanoUsd } of amounts) {
    all.requests += requests
    all.tokens += tokens
    all.nanoUsd += nanoUsd
  }
  return all
}
