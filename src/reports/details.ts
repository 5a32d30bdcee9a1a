/** SQL over detail rows: portable, within a range, and bounded, so that no question reads a ledger from end to end. */
import type { Scalar } from "../ledger/database.ts"
import { filtersOf } from "./breakdown.ts"
import { callDimension } from "./dimensions.ts"
import type { Filter } from "./query.ts"
import { ReportRefused } from "./query.ts"
import type { Asked, Cell, Column, Row, Table } from "./section.ts"

/** So many of the newest rows are looked at; sections say where there are more. */
export const MOST_DETAILS = 20_000
/** So many are looked at to find those that filters leave: some hundred milliseconds. */
export const MOST_FILTERED = 200_000

/** Ids begin with their millisecond, so a range of them is a range of time. */
function idAt(prefix: string, ts: number): string {
  return `${prefix}_${Math.max(0, Math.ceil(ts)).toString(16).padStart(12, "0")}`
}

export interface Part {
  readonly sql: string
  readonly parameters: readonly Scalar[]
}

/** Conditions on `alias.column`, an id. */
export function idsBetween(column: string, { from, to }: Pick<Asked, "from" | "to">, prefix: string = "req"): Part {
  return { sql: `${column} >= ? AND ${column} < ?`, parameters: [idAt(prefix, from), idAt(prefix, to)] }
}

/** What was asked for, as a condition on `request_usage AS u`. */
export function callsWhere(asked: Asked): Part {
  const parts = filtersOf(asked).map(conditionOf)
  return {
    sql: parts.map(({ sql }) => ` AND ${sql}`).join(""),
    parameters: parts.flatMap(({ parameters }) => parameters),
  }
}

/** More values would make a statement too long. */
const MOST_VALUES = 500

function conditionOf(filter: Filter): Part {
  if ("measure" in filter) return measuredOf(filter)
  return textCondition(callDimension(filter.dimension).sql, filter)
}

/** What a filter says of a text. */
export function textCondition(sql: string, filter: Exclude<Filter, { readonly measure: string }>): Part {
  if ("prefix" in filter)
    return { sql: `substr(${sql}, 1, length(CAST(? AS TEXT))) = ?`, parameters: [filter.prefix, filter.prefix] }
  const [values, operator] = "is" in filter ? [filter.is, "IN"] : [filter.not, "NOT IN"]
  if (values.length > MOST_VALUES) throw new ReportRefused("where", `There may be at most ${MOST_VALUES} values here.`)
  if (values.length === 0) return { sql: operator === "IN" ? "1 = 0" : "1 = 1", parameters: [] }
  return { sql: `${sql} ${operator} (${values.map(() => "?").join(", ")})`, parameters: values }
}

function measuredOf({ measure, min, max }: Extract<Filter, { readonly measure: string }>): Part {
  const bounds: [string, number][] = []
  if (min !== undefined) bounds.push([">=", min])
  if (max !== undefined) bounds.push(["<=", max])
  const sql = bounds.map(([operator]) => `coalesce(u.${measure}, 0) ${operator} ?`).join(" AND ")
  return { sql: sql === "" ? "1 = 1" : sql, parameters: bounds.map(([, value]) => value) }
}

/**
 * The newest rows of a table of calls' details that the question leaves, as `d`, with their calls as `u`: for a `FROM`.
 * `columns` names what is kept, as `d.bucket AS bucket`; `condition` is what holds of a row that counts.
 */
export function newestOf(asked: Asked, table: string, columns: readonly string[], condition = ""): Part {
  const range = idsBetween("request_id", asked)
  const asks = callsWhere(asked)
  const where = { ...asks, sql: `${condition === "" ? "" : ` AND ${condition}`}${asks.sql}` }
  const most = where.sql === "" ? MOST_DETAILS : MOST_FILTERED
  return {
    sql: `(SELECT ${columns.join(", ")} FROM (SELECT * FROM ${table} WHERE ${range.sql}
        ORDER BY request_id DESC LIMIT ${most}) AS d JOIN request_usage AS u ON u.request_id = d.request_id
      WHERE 1 = 1${where.sql} ORDER BY d.request_id DESC LIMIT ${MOST_DETAILS})`,
    parameters: [...range.parameters, ...where.parameters],
  }
}

/** How many rows `newestOf` looks at, as a note. `isPart`: a condition leaves rows out. */
export function newestNote(asked: Asked, of: string, isPart = false): string {
  const filtered = `, of the newest ${MOST_FILTERED} those that the filters leave`
  const isFiltered = isPart || callsWhere(asked).sql !== ""
  return `Counted are the newest ${MOST_DETAILS} ${of} of the range${isFiltered ? filtered : ""}.`
}

/** The smallest value that a share of a group's rows does not pass; ranked rows have `place` and `places`. */
export function quantile(column: string, percent: number, condition: string = "1 = 1"): string {
  return `MIN(CASE WHEN ${condition} AND place * 100 >= places * ${percent} THEN ${column} END)`
}

/** A sentence on conditions that a section cannot fulfil, so that they are not ignored in silence. */
export function ignoredNotes({ where }: Asked, known: readonly string[]): string[] {
  const names = where.map((filter) => ("measure" in filter ? filter.measure : filter.dimension))
  const ignored = [...new Set(names.filter((name) => !known.includes(name)))]
  return ignored.length === 0 ? [] : [`Not filtered by ${ignored.join(" and ")}, which says nothing of these rows.`]
}

type Detail = Readonly<Record<string, Scalar>>

/** Rows of SQL whose names are the keys of the columns, as a table. */
export function detailTable(
  shape: Omit<Table, "rows" | "restOf" | "totals"> & { readonly top: number },
  details: readonly Detail[],
): Table {
  const { top, ...table } = shape
  const rows = details
    .slice(0, top)
    .map((detail): Row => table.columns.map(({ key, kind }) => cellOf(detail[key] ?? null, kind)))
  return { ...table, rows, restOf: 0, totals: null, notes: [...table.notes, ...cutNote(details.length, top)] }
}

function cutNote(count: number, top: number): string[] {
  return count > top ? [`${count - top} more rows are left out: a larger top shows them.`] : []
}

function cellOf(value: Scalar, kind: Column["kind"]): Cell {
  if (value === null) return null
  if (kind === "text") return String(value)
  if (kind === "count" || kind === "tokens" || kind === "money") return BigInt(Math.round(Number(value)))
  return Number(value)
}
