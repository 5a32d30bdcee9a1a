/**
 * A run of retention: counts what is old enough, table by table, and then deletes it in batches that leave calls their turn.
 * Every batch is one transaction with its figures, so that a kill at any moment leaves whole batches. Children go before
 * the calls that they hang on.
 */
import { isFilled } from "../cube/fill.ts"
import { type DataClass, hexOf, idFrom, RETENTION_CLASSES } from "./classes.ts"
import { deleteTable, type Deletion } from "./delete.ts"
import { beginJob, endJob, type JobRow, LEASE_MS, renewLease, type ResultRow, saveResult } from "./jobs.ts"
import { Pace } from "./pace.ts"
import type { ClassRule, RunReport, RunRules, RunTools } from "./rules.ts"
import { giveSpaceBack, versionOf } from "./space.ts"
import { type Counts, countWindow, nextWindow, type Target } from "./window.ts"

/** The process ends. */
export class RunStopped extends Error {}
/** Another run has taken the lease, because this one did not renew it in time. */
class LeaseLost extends Error {}

/** So many are counted at once; calls are not in the way of a reader. */
const COUNTED_ROWS = 5000
const RENEWED_MS = LEASE_MS / 4
const BUSY_MS = 20
const DAY_MS = 86_400_000

/** Null: another process runs retention. A run that fails is a report, too. */
export async function runRetention(tools: RunTools, rules: RunRules): Promise<RunReport | null> {
  const run = new Run(tools, rules)
  return (await run.begin()) ? await run.finish() : null
}

class Run {
  readonly #tools: RunTools
  readonly #rules: RunRules
  readonly #job: JobRow
  readonly #cutoffs: ReadonlyMap<DataClass, string>
  readonly #results = new Map<string, ResultRow>()
  readonly #untilMs: number
  #renewedMs = 0
  #longestLockMs = 0
  #version = 0

  constructor(tools: RunTools, rules: RunRules) {
    this.#tools = tools
    this.#rules = rules
    const startedAt = tools.nowMs()
    this.#job = {
      job_id: `job_${hexOf(startedAt)}${tools.random}`,
      started_at: startedAt,
      finished_at: null,
      asked_by: rules.askedBy,
      dry_run: rules.isDry ? 1 : 0,
      state: "running",
      fault: null,
    }
    this.#untilMs = tools.monotonicMs() + rules.budgetMs
    this.#cutoffs = new Map(
      rules.classes.map(({ dataClass, days }) => [dataClass, cutoffId(dataClass, startedAt, days)]),
    )
  }

  /** False: another run has the lease. */
  async begin(): Promise<boolean> {
    this.#renewedMs = this.#tools.monotonicMs()
    return await this.#write(() => beginJob(this.#tools.connection, this.#job, this.#job.started_at))
  }

  async finish(): Promise<RunReport> {
    let state: JobRow["state"] = "done"
    let fault: string | null = null
    try {
      for (const target of this.#targets()) await this.#count(target)
      if (!this.#rules.isDry && !(await this.#deleteAll())) state = "out_of_time"
    } catch (error) {
      state = error instanceof RunStopped ? "stopped" : "failed"
      fault = error instanceof RunStopped ? null : error instanceof Error ? error.message : String(error)
    }
    const end = { state, fault: fault?.slice(0, 500) ?? null, finishedAt: this.#tools.nowMs() }
    const job = { ...this.#job, state: end.state, fault: end.fault, finished_at: end.finishedAt }
    // where the database takes nothing, the lease runs out by itself
    await this.#tools.connection
      .writing(async () => {
        await endJob(this.#tools.connection, job.job_id, end)
        return true
      })
      .catch(() => null)
    return { job, results: [...this.#results.values()], longestLockMs: this.#longestLockMs }
  }

  #targets(): readonly Target[] {
    const classes = RETENTION_CLASSES.filter(({ name }) => this.#cutoffs.has(name))
    return classes.flatMap(({ name, tables }) =>
      tables.map((table) => ({ table, dataClass: name, cutoffs: this.#cutoffs })),
    )
  }

  async #count(target: Target): Promise<void> {
    const { connection, pause, monotonicMs } = this.#tools
    const { table, dataClass } = target
    let counts: Counts = { candidate: 0, held: 0, blocked: 0 }
    for (let after = ""; ;) {
      const beganMs = monotonicMs()
      const window = await nextWindow(connection, target, after, COUNTED_ROWS)
      if (window === null) break
      const more = await countWindow(connection, target, window)
      counts = {
        candidate: counts.candidate + more.candidate,
        held: counts.held + more.held,
        blocked: counts.blocked + more.blocked,
      }
      after = window.last
      // calls need the processor, too
      await pause(monotonicMs() - beganMs)
      await this.#renew()
    }
    const needsSums = dataClass !== "security_access_events"
    const isBlocked = needsSums && !(await isFilled(connection))
    const { candidate, held } = counts
    const blocked = isBlocked ? candidate - held : counts.blocked
    await this.#save({
      job_id: this.#job.job_id,
      table_name: table.name,
      data_class: dataClass,
      cutoff_at: this.#job.started_at - this.#ruleOf(dataClass).days * DAY_MS,
      candidate,
      held,
      blocked,
      eligible: candidate - held - blocked,
      deleted: 0,
      state: isBlocked ? "blocked_rollup_required" : "counted",
    })
  }

  /** False: there was no time for all. */
  async #deleteAll(): Promise<boolean> {
    for (const target of this.#targets()) {
      const result = this.#resultOf(target)
      if (result.state !== "counted") continue
      if (result.eligible > 0) await deleteTable(this.#deletion(target))
      else await this.#save({ ...result, state: "done" })
      if (this.#resultOf(target).state === "partial") return false
    }
    if (!this.#tools.isFile) return true
    const { connection, monotonicMs, pause } = this.#tools
    const freed = await giveSpaceBack(connection, {
      monotonicMs,
      othersWrote: () => this.#othersWrote(),
      hasTime: () => this.#hasTime(),
      rest: async (ms) => {
        await pause(ms)
        await this.#renew()
      },
    })
    this.#longestLockMs = Math.max(this.#longestLockMs, freed.longestLockMs)
    return freed.isDone
  }

  #deletion(target: Target): Deletion {
    const { connection, isFile, recount, pause, monotonicMs } = this.#tools
    const rule = this.#ruleOf(target.dataClass)
    const pace = new Pace(rule.batchSize)
    let pauseMs = 0
    return {
      connection,
      isFile,
      target,
      rows: () => pace.rows,
      recount: rule.isRecounted && target.dataClass === "usage_detail" ? recount : null,
      write: async (work) => {
        const beganMs = monotonicMs()
        const { result, heldMs } = await this.#timed(async () => {
          if (!(await renewLease(connection, this.#job.job_id, this.#tools.nowMs()))) throw new LeaseLost()
          return await work()
        })
        pauseMs = pace.pauseAfter(heldMs, monotonicMs() - beganMs, await this.#othersWrote())
        return result
      },
      rest: () => pause(pauseMs),
      hasTime: () => this.#hasTime(),
      pause,
      result: () => this.#resultOf(target),
      save: async (row) => {
        await saveResult(connection, row)
        return () => this.#note(row)
      },
    }
  }

  /** Since it was asked last. Writers of PostgreSQL do not keep one another waiting. */
  async #othersWrote(): Promise<boolean> {
    if (!this.#tools.isFile) return false
    const before = this.#version
    this.#version = await versionOf(this.#tools.connection)
    return this.#version !== before
  }

  #hasTime(): boolean {
    return this.#tools.monotonicMs() < this.#untilMs
  }

  #ruleOf(dataClass: DataClass): ClassRule {
    const rule = this.#rules.classes.find((each) => each.dataClass === dataClass)
    if (rule === undefined) throw new Error(`there is no rule for ${dataClass}`)
    return rule
  }

  #resultOf({ table }: Target): ResultRow {
    const result = this.#results.get(table.name)
    if (result === undefined) throw new Error(`${table.name} was not counted`)
    return result
  }

  #note(row: ResultRow): void {
    this.#results.set(row.table_name, row)
    const { table_name: table, candidate, deleted } = row
    this.#tools.onProgress({ table, candidate, deleted, longestLockMs: this.#longestLockMs })
  }

  async #save(row: ResultRow): Promise<void> {
    await this.#write(() => saveResult(this.#tools.connection, row))
    this.#note(row)
  }

  async #renew(): Promise<void> {
    const now = this.#tools.monotonicMs()
    if (now - this.#renewedMs < RENEWED_MS) return
    this.#renewedMs = now
    const { connection, nowMs } = this.#tools
    if (!(await this.#write(() => renewLease(connection, this.#job.job_id, nowMs())))) throw new LeaseLost()
  }

  async #write<Result>(work: () => Promise<Result>): Promise<Result> {
    return (await this.#timed(work)).result
  }

  /** Again while another process merges the cube. The time counts from when the lock was had. */
  async #timed<Result>(work: () => Promise<Result>): Promise<{ readonly result: Result; readonly heldMs: number }> {
    const { connection, monotonicMs, pause } = this.#tools
    for (;;) {
      let lockedMs = monotonicMs()
      const done = await connection.writing(async () => {
        lockedMs = monotonicMs()
        return { result: await work() }
      })
      const heldMs = monotonicMs() - lockedMs
      if (done === null) {
        await pause(BUSY_MS)
        continue
      }
      this.#longestLockMs = Math.max(this.#longestLockMs, heldMs)
      return { ...done, heldMs }
    }
  }
}

function cutoffId(dataClass: DataClass, nowMs: number, days: number): string {
  const prefix = RETENTION_CLASSES.find(({ name }) => name === dataClass)?.tables[0]?.prefix ?? "req"
  return idFrom(prefix, nowMs - days * DAY_MS)
}
