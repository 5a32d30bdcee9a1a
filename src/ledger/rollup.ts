/** Hourly sums by caller, group and project, kept in the transaction of the rows that they sum. */
import type { Database, Statement } from "bun:sqlite"
import type { UsageRow } from "./record.ts"

const HOUR_MS = 3_600_000

interface Sums {
  readonly hour: number
  readonly callerId: string
  readonly group: string
  readonly project: string
  requests: number
  errors: number
  input: number
  cachedInput: number
  output: number
  reasoning: number
  total: number
  costNanoUsd: number
  costUnknown: number
  sent: number
  limitTokens: number
  limitNanoUsd: number
}

const ADD = `INSERT INTO usage_rollup_hourly VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET
  requests = requests + excluded.requests, errors = errors + excluded.errors,
  input_tokens = input_tokens + excluded.input_tokens,
  cached_input_tokens = cached_input_tokens + excluded.cached_input_tokens,
  output_tokens = output_tokens + excluded.output_tokens,
  reasoning_tokens = reasoning_tokens + excluded.reasoning_tokens,
  total_tokens = total_tokens + excluded.total_tokens,
  cost_nano_usd = cost_nano_usd + excluded.cost_nano_usd,
  cost_unknown_requests = cost_unknown_requests + excluded.cost_unknown_requests,
  sent_requests = sent_requests + excluded.sent_requests,
  limit_tokens = limit_tokens + excluded.limit_tokens,
  limit_nano_usd = limit_nano_usd + excluded.limit_nano_usd`

/** Sums a transaction's rows in memory first: concurrent calls of one caller cost one write. */
export class HourlyFigures {
  readonly #add: Statement<unknown, (string | number)[]>
  readonly #sums: Sums[] = []

  constructor(database: Database) {
    this.#add = database.prepare(ADD)
  }

  clear(): void {
    this.#sums.length = 0
  }

  add(row: UsageRow): void {
    const sums = this.#sumsFor(row)
    if (row.books_request_id === null) {
      sums.requests += 1
      if (row.attempts > 0) sums.sent += 1
      if (row.error !== null || row.status >= 400) sums.errors += 1
      if (row.cost_unknown_reason !== null) sums.costUnknown += 1
    } else if (row.cost_unknown_reason === null) sums.costUnknown -= 1
    sums.input += counted(row.input_tokens)
    sums.cachedInput += counted(row.cached_input_tokens)
    sums.output += counted(row.output_tokens)
    sums.reasoning += counted(row.reasoning_tokens)
    sums.total += counted(row.total_tokens)
    sums.costNanoUsd += counted(row.total_cost_nano_usd)
    sums.limitTokens += row.limit_tokens ?? counted(row.total_tokens)
    sums.limitNanoUsd += row.limit_nano_usd ?? counted(row.total_cost_nano_usd)
  }

  write(): void {
    for (const sums of this.#sums) {
      this.#add.run(
        sums.hour,
        sums.callerId,
        sums.group,
        sums.project,
        sums.requests,
        sums.errors,
        sums.input,
        sums.cachedInput,
        sums.output,
        sums.reasoning,
        sums.total,
        sums.costNanoUsd,
        sums.costUnknown,
        sums.sent,
        sums.limitTokens,
        sums.limitNanoUsd,
      )
    }
  }

  close(): void {
    this.#add.finalize()
  }

  /** A search from the end: a transaction knows few callers, and comparing beats building a key. */
  #sumsFor({ ts, caller_id: callerId, caller_project: project, resolved_group: group }: UsageRow): Sums {
    const hour = Math.floor(ts / HOUR_MS)
    for (let index = this.#sums.length - 1; index >= 0; index -= 1) {
      const sums = this.#sums[index]
      if (sums?.callerId === callerId && sums.group === group && sums.hour === hour && sums.project === project)
        return sums
    }
    const zero = { requests: 0, errors: 0, input: 0, cachedInput: 0, output: 0, reasoning: 0, total: 0 }
    const none = { costNanoUsd: 0, costUnknown: 0, sent: 0, limitTokens: 0, limitNanoUsd: 0 }
    const fresh = { hour, callerId, group, project, ...zero, ...none }
    this.#sums.push(fresh)
    return fresh
  }
}

/** An upstream may report anything; a sum that took it once would be wrong for good. */
function counted(value: number | null): number {
  return value !== null && Number.isSafeInteger(value) && value >= 0 ? value : 0
}
