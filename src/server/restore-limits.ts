/** Fills the counts of limits from the ledger, so that no restart, crash or reload forgets what was used. */
import { setImmediate as nextTurn } from "node:timers/promises"
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
  const asked = new Set<string>()
  let ofLifetime = false
  for (const limits of snapshot.callerLimits.values()) {
    for (const [index, subject] of (limits?.subjects ?? []).entries()) {
      const isForever =
        limits?.checks.some((check) => check.kind === "lifetime_tokens" && check.subject === index) === true
      if (asked.has(subject.key) && !isForever) continue
      asked.add(subject.key)
      if (asked.size % SUBJECTS_AT_A_TIME === 0) await nextTurn()
      if (!(await state.knows(subject.key, isForever))) {
        subjects.set(subject.key, subject)
        ofLifetime ||= isForever
      }
    }
  }
  if (subjects.size === 0) return
  const totals = await totalsOf([...subjects.values()], ofLifetime, snapshot, store, clock)
  const nowMs = clock.monotonicMs()
  for (let from = 0; from < totals.length; from += SUBJECTS_AT_A_TIME) {
    await nextTurn()
    await state.restore(totals.slice(from, from + SUBJECTS_AT_A_TIME), nowMs)
  }
}

/** Then calls have their turn. */
const SUBJECTS_AT_A_TIME = 500

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
  const totals = bySubject(known.totals, projects)
  const recent = bySubject(known.recent, projects)
  return subjects.map((subject) => ({
    ...subjectTotals(subject, totals.get(subject.key) ?? [], recent.get(subject.key) ?? [], ts),
    isWholeLifetime: ofLifetime,
  }))
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

function subjectTotals(
  { key }: Subject,
  totals: readonly CallerTotals[],
  recent: readonly RecentCall[],
  ts: number,
): Omit<SubjectTotals, "isWholeLifetime"> {
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
