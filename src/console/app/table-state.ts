/** How a table is sorted, filtered and paged: in the address, under the table's id. */
import type { Kind, TableBlock, Value } from "../../reports/pages/block.ts"

export const PAGE_ROWS = 50

export interface TableState {
  /** The key of a column; empty: as the router sent it. */
  readonly sort: string
  readonly isDown: boolean
  /** Rows that have it in any text. */
  readonly text: string
  readonly page: number
}

export function tableState(id: string, parameters: URLSearchParams): TableState {
  const sort = parameters.get(`${id}.sort`) ?? ""
  const page = Number(parameters.get(`${id}.page`) ?? 0)
  return {
    sort: sort.replace(/^-/, ""),
    isDown: sort.startsWith("-"),
    text: parameters.get(`${id}.find`) ?? "",
    page: Number.isSafeInteger(page) && page > 0 ? page : 0,
  }
}

export function isNumeric(kind: Kind): boolean {
  return kind !== "text" && kind !== "time" && kind !== "call" && kind !== "state"
}

export interface VisibleRows {
  readonly rows: readonly (readonly Value[])[]
  readonly found: number
  readonly page: number
  readonly pages: number
}

/** What is left of the others stays last, however the table is sorted. */
export function visibleRows(block: TableBlock, state: TableState, pageRows: number): VisibleRows {
  const rest = block.hasRest ? block.rows.slice(-1) : []
  const told = block.hasRest ? block.rows.slice(0, -1) : block.rows
  const wanted = state.text.toLowerCase()
  const matching =
    wanted === ""
      ? told
      : told.filter((row) =>
          row.some((value) =>
            String(value ?? "")
              .toLowerCase()
              .includes(wanted),
          ),
        )
  const index = block.columns.findIndex(({ key }) => key === state.sort)
  const kind = block.columns[index]?.kind ?? "text"
  const sorted =
    index === -1
      ? matching
      : matching.toSorted((one, other) => compared(one[index] ?? null, other[index] ?? null, kind, state.isDown))
  const pages = Math.max(1, Math.ceil(sorted.length / pageRows))
  const page = Math.min(state.page, pages - 1)
  const shown = pages === 1 ? sorted : sorted.slice(page * pageRows, (page + 1) * pageRows)
  const isLast = page === pages - 1
  return { rows: isLast && wanted === "" ? [...shown, ...rest] : shown, found: sorted.length, page, pages }
}

/** Unknown values stand last either way. */
function compared(one: Value, other: Value, kind: Kind, isDown: boolean): number {
  if (one === null || other === null) return one === other ? 0 : one === null ? 1 : -1
  const order =
    isNumeric(kind) || kind === "time" ? Number(one) - Number(other) : String(one).localeCompare(String(other))
  return isDown ? -order : order
}
