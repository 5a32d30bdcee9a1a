/**
 * What a column of the ledger is. The tables in `tables/` are the one place that spells columns: row types, inserts of
 * both databases, values of rows that know little, and `docs/ledger.md` come from them.
 */

/**
 * `flag`: 0 or 1. `milliseconds`: an integer column whose values may come with fractions; every column that ends with
 * `_ms`. A question mark: null where it is unknown or does not apply.
 */
type Kind = "text" | "integer" | "flag" | "real" | "milliseconds" | "bytes"

/** `values`: the closed list that a text column comes from. */
export type Column = readonly [kind: Kind | `${Kind}?`, meaning: string, values?: readonly string[]]

/** By name, in the order of the table. */
export type Columns = Readonly<Record<string, Column>>

interface Scalars {
  readonly text: string
  readonly integer: number
  readonly flag: 0 | 1
  readonly real: number
  readonly milliseconds: number
  readonly bytes: Uint8Array
}

type Value<Entry extends Column> = Entry[0] extends `${infer Base extends Kind}?`
  ? ScalarOf<Entry, Base> | null
  : Entry[0] extends Kind
    ? ScalarOf<Entry, Entry[0]>
    : never

type ScalarOf<Entry extends Column, Base extends Kind> = Entry extends readonly [
  unknown,
  unknown,
  readonly (infer Word)[],
]
  ? Word
  : Scalars[Base]

/** The rows of a table, with field names as the columns have them. */
export type RowOf<Table extends Columns> = { readonly [Name in keyof Table]: Value<Table[Name]> }

export type Scalar = string | number | null

/** What a database keeps of a column. */
export type StoredKind = "text" | "integer" | "real" | "milliseconds" | "bytes"

export function storedKind([kind]: Column): StoredKind {
  const base = kind.replace("?", "") as Kind
  return base === "flag" ? "integer" : base
}

export function isNullable([kind]: Column): boolean {
  return kind.endsWith("?")
}

/** A row of which nothing is known: null where a column may be null, else 0 or an empty text. */
export function emptyRow<Table extends Columns>(columns: Table): RowOf<Table> {
  const entries = Object.entries(columns).map(([name, column]) => [name, emptyValue(column)])
  return Object.fromEntries(entries) as RowOf<Table>
}

function emptyValue(column: Column): Scalar {
  if (isNullable(column)) return null
  return storedKind(column) === "text" ? "" : 0
}

/**
 * The values of a row in the order of its table; `request_id` is handed in, because most rows of a call do not hold it. The
 * code is made from the table, once: a loop over names costs as much as the insert.
 */
export function valuesFrom(columns: Columns): (row: object, requestId: string) => Scalar[] {
  const values = Object.entries(columns).map(([name, column]) => {
    if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw new Error(`${name} is no name of a column`)
    if (name === "request_id") return "requestId"
    // durations come with fractions
    return storedKind(column) === "milliseconds" ? `whole(row.${name})` : `row.${name}`
  })
  const body = `return (row, requestId) => [${values.join(", ")}]`
  // oxlint-disable-next-line typescript/no-implied-eval -- names of this repository, checked above
  return (new Function("whole", body) as (rounded: typeof whole) => (row: object, requestId: string) => Scalar[])(whole)
}

function whole(value: number | null): number | null {
  return value === null ? null : Math.round(value)
}
