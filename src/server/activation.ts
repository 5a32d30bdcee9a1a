/**
 * What is proven of targets, in a router that serves: records are read from the ledger in beats beside the calls, evidence
 * of calls becomes records, and due checks are run by one process of all.
 */
import type { Group, Snapshot } from "../config/snapshot.ts"
import { dueChecks, type RunChecks } from "../activation/due.ts"
import { fingerprintOf } from "../activation/fingerprint.ts"
import { reasonAgainst } from "../activation/gate.ts"
import { unprovenGroups } from "../activation/proven.ts"
import type { ActivationRecord } from "../activation/record.ts"
import { recordsOf, rowOf } from "../activation/rows.ts"
import { Standings, stateAt } from "../activation/standings.ts"
import { Traffic, type TrafficChange } from "../activation/traffic.ts"
import type { ActivationRows } from "../ledger/activation.ts"
import type { ActivationGate, TrafficEvidence } from "../pipeline/targets/activation-gate.ts"
import type { Clock, Timer } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { Revalidation } from "./revalidation.ts"

/** How late another process's record may come. */
const REFRESH_MS = 5000
/** Clocks of the processes on one ledger may differ by so much. */
const SKEW_MS = 60_000
/** A record is not renewed by calls more often. */
const RENEWED_MS = 3_600_000
/** Records of calls that wait for a ledger that takes none; the oldest go. */
const MOST_WAITING = 1000

export interface ActivationMeans {
  readonly rows: ActivationRows
  /** The configuration at the start. */
  readonly snapshot: Pick<Snapshot, "groups">
  readonly clock: Clock
  readonly log: Log
  /** Names this process among those that run checks. */
  readonly holder: string
  /** Null: nothing is checked anew. */
  readonly runChecks: RunChecks | null
}

export class Activation {
  readonly standings: Standings = new Standings()
  /** Calls that `activation: observe` let pass, by the name of the group. */
  readonly observedCalls: Map<string, number> = new Map<string, number>()
  readonly gate: ActivationGate = {
    against: (...asked) => reasonAgainst(this.standings, ...asked),
    observed: ({ name }) => void this.observedCalls.set(name, (this.observedCalls.get(name) ?? 0) + 1),
    heard: (evidence) => this.#hear(evidence),
  }
  readonly #means: ActivationMeans
  readonly #traffic = new Traffic()
  readonly #revalidation: Revalidation
  readonly #timer: Timer
  #groups: Snapshot["groups"]
  /** Records of calls that are not in the ledger yet. */
  #waiting: readonly ActivationRecord[] = []
  /** When the ledger was read, Unix milliseconds; null: not yet. */
  #readMs: number | null = null
  #isReadable = true
  #refreshing: Promise<void> | null = null

  constructor(means: ActivationMeans) {
    this.#means = means
    this.#groups = means.snapshot.groups
    this.#revalidation = new Revalidation({
      ...means,
      due: () => dueChecks(this.#groups.values(), this.standings, means.clock.now()),
      take: (records) => this.#take(records),
    })
    this.#timer = means.clock.every(REFRESH_MS, () => this.#beat())
    this.#timer.unref()
  }

  /** Reads what is new, where a group of the configuration asks for it. Never rejects: what was known stays. */
  async prepare({ groups }: Pick<Snapshot, "groups">): Promise<void> {
    if (someGated(groups.values())) await this.#refresh()
  }

  /** The configuration that is in force from now on. */
  follow({ groups }: Pick<Snapshot, "groups">): void {
    this.#groups = groups
    this.tell()
  }

  /** Gated groups of which no target is proven, at the moment. */
  unproven(): readonly Group[] {
    return unprovenGroups(this.#groups.values(), this.standings, this.#means.clock.now())
  }

  /** Says in the log which these are. */
  tell(): void {
    for (const group of this.unproven()) tellUnproven(group, this.#means.log)
  }

  /** A check that is at work is stopped. */
  async close(): Promise<void> {
    this.#timer.close()
    await this.#revalidation.close()
    await this.#refreshing
    await this.#flush().catch(() => {})
  }

  #beat(): void {
    if (!someGated(this.#groups.values())) return
    void this.#refresh()
    this.#revalidation.look()
  }

  async #refresh(): Promise<void> {
    this.#refreshing ??= this.#read().finally(() => {
      this.#refreshing = null
    })
    await this.#refreshing
  }

  async #read(): Promise<void> {
    const { rows, clock, log } = this.#means
    try {
      await this.#flush()
      const nowMs = clock.now()
      const read = this.#readMs === null ? rows.newest() : rows.writtenSince(this.#readMs - SKEW_MS)
      this.standings.adopt(recordsOf(await read))
      this.#readMs = nowMs
      if (!this.#isReadable) log.info("records of activation can be read again")
      this.#isReadable = true
    } catch (error) {
      const message = "records of activation cannot be read or written; what was known goes on to count"
      if (this.#isReadable) log.error(message, { error })
      this.#isReadable = false
    }
  }

  async #flush(): Promise<void> {
    const records = this.#waiting
    if (records.length === 0) return
    const { rows, clock } = this.#means
    await rows.add(records.map((record) => rowOf(record, clock.now())))
    const written = new Set(records)
    this.#waiting = this.#waiting.filter((record) => !written.has(record))
  }

  async #take(records: readonly ActivationRecord[]): Promise<void> {
    this.standings.adopt(records)
    this.#waiting = [...this.#waiting, ...records].slice(-MOST_WAITING)
    await this.#refresh()
  }

  #hear(evidence: TrafficEvidence): void {
    const { clock, log } = this.#means
    for (const change of this.#traffic.heard(evidence)) {
      const record = recordOfCalls(change, evidence, this.standings, clock.now())
      if (record === null) continue
      tellChange(record, evidence, log)
      void this.#take([record])
    }
  }
}

function someGated(groups: Iterable<Group>): boolean {
  for (const { activation } of groups) if (activation !== null) return true
  return false
}

function tellUnproven({ name, activation }: Group, log: Log): void {
  const isRequired = activation?.mode === "required"
  const meaning = isRequired
    ? "ALL CALLS OF THE GROUP ARE REFUSED"
    : "with activation: required its calls would be refused"
  log[isRequired ? "error" : "warn"](`no target of the model group is proven: ${meaning}`, {
    group: name,
    hint: `smart-router validate --group ${name}`,
  })
}

function tellChange(
  { capability, result, evidence: { reason } }: ActivationRecord,
  of: TrafficEvidence,
  log: Log,
): void {
  const { group, target } = of
  const facts = { group: group.name, target: target.index, provider: target.provider.name, model: target.model }
  if (result === "pass") log.info("calls have renewed what is proven of a target", { ...facts, capability, reason })
  else log.warn("calls have suspended what was proven of a target", { ...facts, capability, reason })
}

/** Null: there is nothing to renew or to suspend. What has expired is proven by a check alone. */
function recordOfCalls(
  { capability, result, counters, reason }: TrafficChange,
  { group, target, dialect }: TrafficEvidence,
  standings: Standings,
  nowMs: number,
): ActivationRecord | null {
  const { activation } = group
  const standing = standings.of(group, target, dialect)[capability]
  if (activation === null || standing.record === null || stateAt(standing, nowMs) !== "proven") return null
  if (result === "pass" && nowMs - standing.record.checkedAtMs < RENEWED_MS) return null
  return {
    provider: target.provider.name,
    model: target.model,
    group: group.name,
    dialect: standing.record.dialect,
    capability,
    result,
    checkedAtMs: nowMs,
    expiresAtMs: nowMs + activation.expiresAfterMs,
    fingerprint: fingerprintOf(target, group.name, capability),
    source: "traffic",
    evidence: { requestIds: [], counters, timings: {}, askedHash: null, reason },
  }
}
