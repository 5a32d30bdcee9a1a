/** How tables of the section `routing` are counted from the newest rows of a table, as data. */
import { dimensionColumn } from "../breakdown.ts"
import { columnOf } from "../figure-makers.ts"
import type { Column } from "../section.ts"

export interface Detailed {
  readonly id: string
  readonly title: string
  readonly table: string
  readonly kept: readonly string[]
  /** What rows are told apart by: SQL over what is kept. */
  readonly by: readonly (readonly [sql: string, column: Column])[]
  /** Beside their count. */
  readonly more?: readonly (readonly [sql: string, column: Column])[]
  /** What holds of a row that counts, `d`. */
  readonly condition?: string
  /** What is counted; absent: decisions. */
  readonly count?: Column
  readonly empty: string
}

type Told = readonly [sql: string, column: Column]

export const GROUP: Told = ["group_name", dimensionColumn("group")]

export const TARGET: readonly Told[] = [
  ["provider", dimensionColumn("provider")],
  ["model", dimensionColumn("model")],
]

export function text(key: string, title: string, about: string): Column {
  return columnOf(key, "text", title, about)
}

export function yesNo(condition: string): string {
  return `(CASE WHEN ${condition} THEN 'yes' ELSE 'no' END)`
}

/** In which range a number lies, as a text that sorts by it; empty: there is none. */
export function bucketOf(column: string, bounds: readonly number[]): string {
  const cases = bounds.map((bound, index) => `WHEN ${column} < ${bound} THEN '${bounds[index - 1] ?? 0} to ${bound}'`)
  return `(CASE WHEN ${column} IS NULL THEN '' ${cases.join(" ")} ELSE '${bounds.at(-1) ?? 0} and more' END)`
}
