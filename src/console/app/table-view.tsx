/** A table that sorts, filters, pages, copies and exports what the router sent. */
import type { VNode } from "preact"
import type { Column, TableBlock, Value } from "../../reports/pages/block.ts"
import type { BlockProps } from "./block-view.tsx"
import { filterBy } from "./filters.tsx"
import { ListPages } from "./list-pages.tsx"
import { scaleOf, type Scale } from "./format.ts"
import { Link } from "./link.tsx"
import { addressOf, changed, go, type Place, usePlace } from "./location.ts"
import { csvOf, saveText, tabbedOf } from "./table-text.ts"
import { usePrinting } from "./printing.ts"
import { isNumeric, PAGE_ROWS, type TableState, tableState, visibleRows } from "./table-state.ts"
import { ValueView } from "./value-view.tsx"

export function TableView({ block, answer, place }: BlockProps<TableBlock>): VNode {
  return (
    <>
      <TableOf block={block} zone={answer.zone} />
      {block.next !== undefined && <ListPages block={block} place={place} />}
    </>
  )
}

interface TableProps {
  readonly block: TableBlock
  readonly zone: string
}

export function TableOf({ block, zone }: TableProps): VNode {
  const place = usePlace()
  const state = tableState(block.id, place.parameters)
  if (block.rows.length === 0) return <p class="empty">{block.empty ?? "There is nothing to show in this range."}</p>
  const isPrinted = usePrinting()
  const { rows, found, pages, page } = visibleRows(block, state, isPrinted ? Number.POSITIVE_INFINITY : PAGE_ROWS)
  const scales = scalesOf(block)
  const set = (changes: Readonly<Record<string, string | null>>): void =>
    go(addressOf(place.path, changed(place.parameters, changes)), true)
  return (
    <>
      {(block.rows.length > 12 || state.text !== "") && (
        <Tools block={block} zone={zone} state={state} found={found} set={set} />
      )}
      <div class="scroll" role="region" aria-label={`Table: ${block.title}`} tabindex={0}>
        <table class="data">
          <caption class="visually-hidden">{block.title}</caption>
          <Head block={block} scales={scales} state={state} set={set} />
          <tbody>
            {rows.map((row, index) => (
              <Row key={`${page} ${index}`} block={block} row={row} scales={scales} zone={zone} place={place} />
            ))}
          </tbody>
          {block.totals !== null && state.text === "" && (
            <tfoot>
              <tr>
                {block.totals.map((value, index) => (
                  <Cell
                    key={index}
                    column={block.columns[index]}
                    value={value}
                    scale={scales[index]}
                    zone={zone}
                    isTotal
                  />
                ))}
              </tr>
            </tfoot>
          )}
        </table>
      </div>
      {pages > 1 && !isPrinted && <Pager block={block} page={page} pages={pages} set={set} />}
      {block.hasRest && (
        <p class="note">
          {(block.rows.length - 1).toLocaleString("en")} of {block.rowCount.toLocaleString("en")} are told apart; all
          others are added up in “Other”, and all are in the total.
        </p>
      )}
    </>
  )
}

/** Sums of money stand under one another and beside one another: all have equally many decimals. */
function scalesOf({ columns, rows, totals }: TableBlock): ColumnScale[] {
  const all = totals === null ? rows : [...rows, totals]
  const of = (index: number): Value[] => all.map((row) => row[index] ?? null)
  const money = columns.flatMap(({ kind }, index) => (kind === "money" ? of(index) : []))
  return columns.map(({ kind }, index) => ({
    ...scaleOf(kind, kind === "money" ? money : of(index)),
    barEnd: kind === "percent" ? 100 : Math.max(1, ...rows.map((row) => Math.abs(Number(row[index] ?? 0)) || 0)),
  }))
}

interface ColumnScale extends Scale {
  /** What a whole bar stands for. */
  readonly barEnd: number
}

type Set = (changes: Readonly<Record<string, string | null>>) => void

interface ToolsProps extends TableProps {
  readonly state: TableState
  readonly found: number
  readonly set: Set
}

function Tools({ block, zone, state, found, set }: ToolsProps): VNode {
  const { id, rows } = block
  return (
    <div class="table-tools">
      <label>
        <span class="visually-hidden">Find in {block.title}</span>
        <input
          type="search"
          placeholder="Find in the table"
          value={state.text}
          onInput={(event) => set({ [`${id}.find`]: event.currentTarget.value || null, [`${id}.page`]: null })}
        />
      </label>
      <span class="found" role="status">
        {state.text === "" ? `${rows.length.toLocaleString("en")} rows` : `${found} of ${rows.length} rows`}
      </span>
      <button type="button" class="quiet" onClick={() => void navigator.clipboard.writeText(tabbedOf(block, zone))}>
        Copy<span class="visually-hidden"> the table {block.title}</span>
      </button>
      <button type="button" class="quiet" onClick={() => saveText(`${id}.csv`, csvOf(block))}>
        CSV<span class="visually-hidden"> of the table {block.title}</span>
      </button>
    </div>
  )
}

interface PagerProps {
  readonly block: TableBlock
  readonly page: number
  readonly pages: number
  readonly set: Set
}

/** Of rows that are all here. */
function Pager({ block, page, pages, set }: PagerProps): VNode {
  const turn = (to: number) => (): void => set({ [`${block.id}.page`]: String(to) })
  return (
    <nav class="pager" aria-label={`Pages of ${block.title}`}>
      <button type="button" disabled={page === 0} onClick={turn(page - 1)}>
        Back
      </button>
      <span>
        {page + 1} of {pages}
      </span>
      <button type="button" disabled={page + 1 >= pages} onClick={turn(page + 1)}>
        On
      </button>
    </nav>
  )
}

interface HeadProps {
  readonly block: TableBlock
  readonly scales: readonly Scale[]
  readonly state: TableState
  readonly set: Set
}

function Head({ block, scales, state, set }: HeadProps): VNode {
  const { id, columns } = block
  return (
    <thead>
      <tr>
        {columns.map(({ key, title, kind }, index) => {
          const isSorted = state.sort === key
          const next = isSorted && state.isDown ? key : `-${key}`
          const arrow = (
            <span class="arrow" aria-hidden="true">
              {isSorted ? (state.isDown ? "▼" : "▲") : ""}
            </span>
          )
          return (
            <th
              key={key}
              scope="col"
              class={isNumeric(kind) ? "number" : undefined}
              aria-sort={isSorted ? (state.isDown ? "descending" : "ascending") : undefined}
            >
              {block.order === undefined ? (
                <button type="button" onClick={() => set({ [`${id}.sort`]: next, [`${id}.page`]: null })}>
                  {isNumeric(kind) && arrow}
                  {title}
                  <Unit scale={scales[index]} />
                  {!isNumeric(kind) && arrow}
                </button>
              ) : (
                <>
                  {title}
                  <Unit scale={scales[index]} />
                </>
              )}
            </th>
          )
        })}
      </tr>
    </thead>
  )
}

function Unit({ scale }: { readonly scale: Scale | undefined }): VNode | null {
  return scale === undefined || scale.unit === "" ? null : <span class="unit"> {scale.unit}</span>
}

interface RowProps {
  readonly block: TableBlock
  readonly row: readonly Value[]
  readonly scales: readonly ColumnScale[]
  readonly zone: string
  readonly place: Place
}

function Row({ block, row, scales, zone, place }: RowProps): VNode {
  const isRest = block.hasRest && row === block.rows.at(-1)
  return (
    <tr class={isRest ? "rest" : undefined}>
      {row.map((value, index) => {
        const column = block.columns[index]
        const dimension = column?.filter
        if (dimension === undefined || isRest)
          return <Cell key={index} column={column} value={value} scale={scales[index]} zone={zone} />
        const where = [...new Set([...place.parameters.getAll("where"), filterBy(dimension, String(value ?? ""))])]
        return (
          <td key={index} class={textClass(value)}>
            <Link
              to={addressOf(place.path, changed(place.parameters, { where, cursor: null }))}
              title="Show these alone"
            >
              {value === "" || value === null ? "(none)" : String(value)}
            </Link>
          </td>
        )
      })}
    </tr>
  )
}

interface CellProps {
  readonly column: Column | undefined
  readonly value: Value
  readonly scale: ColumnScale | undefined
  readonly zone: string
  readonly isTotal?: boolean
}

function Cell({ column, value, scale, zone, isTotal = false }: CellProps): VNode {
  const kind = column?.kind ?? "text"
  const isText = isTotal && typeof value === "string" && !isNumeric(kind)
  return (
    <td class={isNumeric(kind) ? "number" : kind === "text" || kind === "state" ? textClass(value) : undefined}>
      {column?.bar === true && value !== null && scale !== undefined && !isTotal && (
        <ShareBar percent={(Number(value) / scale.barEnd) * 100} />
      )}
      {isText ? (
        value
      ) : (
        <ValueView kind={kind} value={value} zone={zone} precision={column?.precision} text={scale?.text ?? String} />
      )}
    </td>
  )
}

/** Short texts stay on one line. */
function textClass(value: Value): string {
  return String(value ?? "").length > 28 ? "text long" : "text"
}

function ShareBar({ percent }: { readonly percent: number }): VNode {
  return (
    <span class="share" aria-hidden="true">
      <span class={percent > 0 ? "bar" : ""} style={{ width: `${Math.max(0, Math.min(100, percent))}%` }} />
    </span>
  )
}
