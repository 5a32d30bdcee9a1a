/** Fills the counts of limits from the ledger, so that no restart, crash or reload forgets what was used. */
import { setImmediate as nextTurn } from "node:timers/promises"
import { asRouterError } from "../errors.ts"
import type { Snapshot } from "../config/snapshot.ts"
import { dayOf, monthOf } from "../governance/counts.ts"
import type { BesidePeriod, GovernanceState, Subject, SubjectTotals } from "../governance/state.ts"
import type { CallerTotals, LimitTotals, PeriodTotals, RecentCall, UsedAmounts } from "../ledger/limit-totals.ts"
import type { Clock } from "../system/clock.ts"

/** What is needed of the ledger. */
export interface TotalsStore {
  limitTotals(ofLifetime: boolean): Promise<LimitTotals>
  caughtUp(): Promise<void>
  alone<Result>(work: () => Promise<Result>): Promise<Result>
}

/**
 * At a start, or later than that: only subjects that are not counted yet are read; where there is none, the ledger is not
 * asked. While it does not answer, these subjects are withheld. Rejects then.
 * What several processes share may lack calls of those that had no such limit yet: it is counted anew while calls go on.
 */
export async function restoreLimits(
  snapshot: Snapshot,
  state: GovernanceState,
  store: TotalsStore,
  clock: Clock,
): Promise<void> {
  if (isShared(state)) {
    void state.recount([...snapshot.limitedSubjects.values()])
    return
  }
  const uncounted = await uncountedIn(snapshot, null, state)
  if (uncounted.subjects.length === 0) return
  state.withhold(keysOf(uncounted), clock.monotonicMs())
  await store.caughtUp()
  // calls may be on their way that need no totals
  await store.alone(() => restore(uncounted, snapshot, state, store, clock))
}

/** Counts all subjects anew, because calls of earlier times came into the ledger. Rejects while that does not answer. */
export async function recountLimits(
  snapshot: Snapshot,
  state: GovernanceState,
  store: TotalsStore,
  clock: Clock,
): Promise<void> {
  const subjects = [...snapshot.limitedSubjects.values()]
  if (subjects.length === 0) return
  if (isShared(state)) {
    await state.recount(subjects)
    return
  }
  await store.caughtUp()
  await store.alone(() => restore({ subjects, ofLifetime: true }, snapshot, state, store, clock))
}

/**
 * At a reload: puts the configuration into force by `swap`. Where limits come with it, no call becomes durable between the
 * reading of the ledger and the swap: what ended before is in what was read, and what ends later finds the new limits.
 * While the ledger does not answer, the configuration is taken all the same, and its new subjects are withheld.
 * @returns whether all totals are known
 */
export async function adoptLimits(
  next: Snapshot,
  running: Snapshot,
  state: GovernanceState,
  store: TotalsStore,
  clock: Clock,
  swap: () => void,
): Promise<boolean> {
  const uncounted = await uncountedIn(next, running, state)
  let isKnown = true
  if (uncounted.subjects.length === 0) swap()
  else if (isShared(state))
    await store.alone(async () => {
      await state.recount(uncounted.subjects)
      swap()
    })
  else {
    try {
      // nobody has to wait for that
      await store.caughtUp()
      await store.alone(async () => {
        await restore(uncounted, next, state, store, clock)
        swap()
      })
    } catch (error) {
      if (asRouterError(error).code !== "usage-store-unavailable") throw error
      isKnown = false
      state.withhold(keysOf(uncounted), clock.monotonicMs())
      swap()
    }
  }
  const gone = await goneFrom(running, next)
  if (gone.length > 0) await state.forget(gone)
  return isKnown
}

async function goneFrom(running: Snapshot, next: Snapshot): Promise<readonly string[]> {
  const gone: string[] = []
  await inTurns(running.limitedSubjects.keys(), (key) => {
    if (!next.limitedSubjects.has(key)) gone.push(key)
  })
  return gone
}

function keysOf({ subjects }: Uncounted): readonly string[] {
  return subjects.map(({ key }) => key)
}

function isShared(state: GovernanceState): boolean {
  return state.isStoreUp !== null
}

interface Uncounted {
  readonly subjects: readonly Subject[]
  /** Some of them are limited for ever. */
  readonly ofLifetime: boolean
}

/** What had no limits in the running configuration was not counted while that was in force, whatever is known of earlier times. */
async function uncountedIn(next: Snapshot, running: Snapshot | null, state: GovernanceState): Promise<Uncounted> {
  const subjects = new Map<string, Subject>()
  const asked = new Set<string>()
  let ofLifetime = false
  for (const limits of next.callerLimits.values()) {
    for (const [index, subject] of (limits?.subjects ?? []).entries()) {
      const { key } = subject
      const isForever =
        limits?.checks.some((check) => check.kind === "lifetime_tokens" && check.subject === index) === true
      if (asked.has(key) && !isForever) continue
      asked.add(key)
      if (asked.size % SUBJECTS_AT_A_TIME === 0) await nextTurn()
      const isStale = running !== null && !running.limitedSubjects.has(key)
      if (!isStale && (await state.knows(key, isForever))) continue
      subjects.set(key, subject)
      ofLifetime ||= isForever
    }
  }
  return { subjects: [...subjects.values()], ofLifetime }
}

async function restore(
  { subjects, ofLifetime }: Uncounted,
  snapshot: Snapshot,
  state: GovernanceState,
  store: TotalsStore,
  clock: Clock,
): Promise<void> {
  const totals = await totalsOf(subjects, ofLifetime, snapshot, store, clock)
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
  store: Pick<TotalsStore, "limitTotals">,
  clock: Clock,
): Promise<readonly SubjectTotals[]> {
  const all = new Map([...snapshot.limitedSubjects.values(), ...subjects].map((subject) => [subject.key, subject]))
  return totalsOf([...all.values()], true, snapshot, store, clock)
}

async function totalsOf(
  subjects: readonly Subject[],
  ofLifetime: boolean,
  snapshot: Snapshot,
  store: Pick<TotalsStore, "limitTotals">,
  clock: Clock,
): Promise<readonly SubjectTotals[]> {
  const known = await store.limitTotals(ofLifetime)
  const projects = new Map<string, string>()
  await inTurns(snapshot.credentials.values(), ({ caller }) => projects.set(caller.id, caller.project))
  const ts = clock.now()
  const periods: (Omit<UsedPeriod, "used"> & { readonly totals: ReadonlyMap<string, readonly CallerTotals[]> })[] = []
  for (const period of known.periods) periods.push({ ...period, totals: await bySubject(period.totals, projects) })
  const recent = await bySubject(known.recent, projects)
  const totalsOfOne = (key: string): SubjectTotals => {
    const used = periods.map(({ totals, ...period }) => ({ ...period, used: sum(totals.get(key) ?? []) }))
    return { ...subjectTotals(key, used, recent.get(key) ?? [], ts), isWholeLifetime: ofLifetime }
  }
  const idle = totalsOfOne("")
  const all: SubjectTotals[] = []
  await inTurns(subjects, ({ key }) => {
    const isUsed = recent.has(key) || periods.some(({ totals }) => totals.has(key))
    all.push(isUsed ? totalsOfOne(key) : { ...idle, key })
  })
  return all
}

/** Each entry under its caller and under its project, by the keys of subjects. */
async function bySubject<Entry extends CallerTotals | RecentCall>(
  entries: readonly Entry[],
  projects: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, readonly Entry[]>> {
  const found = new Map<string, Entry[]>()
  await inTurns(entries, (entry) => {
    const project = entry.project === "" ? (projects.get(entry.callerId) ?? "") : entry.project
    for (const key of [`caller:${entry.callerId}`, `project:${project}`]) {
      const list = found.get(key)
      if (list === undefined) found.set(key, [entry])
      else list.push(entry)
    }
  })
  return found
}

/** Calls have their turn between, however many items there are. */
async function inTurns<Item>(items: Iterable<Item>, work: (item: Item) => void): Promise<void> {
  let count = 0
  for (const item of items) {
    work(item)
    count += 1
    if (count % ITEMS_AT_A_TIME === 0) await nextTurn()
  }
}

/** Each takes some microseconds. */
const ITEMS_AT_A_TIME = 1000

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
