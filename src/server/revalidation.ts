/** Runs due checks: spread over time, within the groups' budgets, in one process of all on the ledger. */
import type { DueCheck, RunChecks } from "../activation/due.ts"
import type { ActivationRecord } from "../activation/record.ts"
import type { Group } from "../config/snapshot.ts"
import type { ActivationRows } from "../ledger/activation.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"

const LOOK_MS = 60_000
const LEASE_MS = 120_000
const RENEWED_MS = LEASE_MS / 4
/** A target whose checks could not be run, or were run, is left alone for so long. */
const PAUSE_MS = 600_000
const DAY_MS = 86_400_000
const SUPERSEDED_MS = 30 * DAY_MS
const EXPIRED_MS = 90 * DAY_MS

interface Means {
  readonly rows: ActivationRows
  readonly clock: Clock
  readonly log: Log
  readonly holder: string
  readonly runChecks: RunChecks | null
  readonly due: () => readonly DueCheck[]
  /** Adopts and writes what was found. */
  readonly take: (records: readonly ActivationRecord[]) => Promise<void>
}

export class Revalidation {
  readonly #means: Means
  readonly #ended = new AbortController()
  /** When a target was last checked by this process, by its name, on the monotonic clock. */
  readonly #triedMs = new Map<string, number>()
  /** Groups whose budget is used up, with the day in which that was told. */
  readonly #spent = new Map<string, number>()
  #lookedMs = -Infinity
  #forgotMs = -Infinity
  #running: Promise<void> | null = null

  constructor(means: Means) {
    this.#means = means
  }

  /** Begins a round at most once a minute. Returns at once. */
  look(): void {
    const nowMs = this.#means.clock.monotonicMs()
    if (this.#running !== null || nowMs - this.#lookedMs < LOOK_MS) return
    this.#lookedMs = nowMs
    this.#running = this.#round().finally(() => {
      this.#running = null
    })
  }

  async close(): Promise<void> {
    this.#ended.abort()
    await this.#running
  }

  async #round(): Promise<void> {
    const { rows, clock, log } = this.#means
    const { runChecks } = this.#means
    let lease: { close(): void } | null = null
    try {
      const due = runChecks === null ? [] : this.#means.due().filter((check) => !this.#isPaused(check))
      const forgets = clock.monotonicMs() - this.#forgotMs >= DAY_MS / 24
      if ((due.length === 0 && !forgets) || !(await this.#leased())) return
      if (forgets) {
        await rows.forget(clock.now() - SUPERSEDED_MS, clock.now() - EXPIRED_MS)
        this.#forgotMs = clock.monotonicMs()
      }
      lease = clock.every(RENEWED_MS, () => void this.#leased().catch(() => {}))
      // one target in a round: the others follow, a minute apart
      const [next] = due
      if (next !== undefined && runChecks !== null) await this.#check(next, runChecks)
    } catch (error) {
      if (!this.#ended.signal.aborted) log.warn("targets are checked anew later", { error })
    } finally {
      lease?.close()
    }
  }

  #leased(): Promise<boolean> {
    const nowMs = this.#means.clock.now()
    return this.#means.rows.lease(this.#means.holder, nowMs, nowMs + LEASE_MS)
  }

  async #check(check: DueCheck, runChecks: RunChecks): Promise<void> {
    const { clock, log, take } = this.#means
    const { group, target, capabilities } = check
    const facts = { group: group.name, target: target.index, provider: target.provider.name, model: target.model }
    this.#triedMs.set(nameOf(check), clock.monotonicMs())
    const maxNanoUsd = await this.#leftNanoUsd(group)
    if (maxNanoUsd <= 0) return
    const records = await runChecks({ ...check, maxNanoUsd, signal: this.#ended.signal })
    await take(records)
    const failed = records.filter(({ result }) => result === "fail").map(({ capability }) => capability)
    const told = { ...facts, capabilities: capabilities.join(" "), failed: [...new Set(failed)].join(" ") }
    if (failed.length === 0) log.info("a target was checked anew", told)
    else log.warn("a target was checked anew, and checks have failed", told)
  }

  /** What checks of the group's targets may still cost today. */
  async #leftNanoUsd(group: Group): Promise<number> {
    const { rows, clock, log } = this.#means
    const day = Math.floor(clock.now() / DAY_MS)
    const costs = await rows.costsSince(day * DAY_MS)
    const spent = costs
      .filter(({ model_group: name }) => name === "" || name === group.name)
      .filter(({ provider, model }) =>
        group.targets.some((target) => target.provider.name === provider && target.model === model),
      )
      .reduce((sum, { cost }) => sum + cost, 0)
    const left = (group.activation?.maxNanoUsdPerDay ?? 0) - spent
    if (left <= 0 && this.#spent.get(group.name) !== day) {
      this.#spent.set(group.name, day)
      log.warn("what checks of the group may cost today is spent", { group: group.name, spent_nano_usd: spent })
    }
    return left
  }

  #isPaused(check: DueCheck): boolean {
    return this.#means.clock.monotonicMs() - (this.#triedMs.get(nameOf(check)) ?? -Infinity) < PAUSE_MS
  }
}

function nameOf({ group, target }: DueCheck): string {
  return [group.name, target.index, target.provider.name, target.model].join("\n")
}
