/** `--fail-if 'cost_usd > 500'`: a bound of one figure of everything in the range. */
import { nearest } from "../../nearest.ts"
import { filtersOf } from "../../reports/breakdown.ts"
import { FIGURES, type FigureName, isFigureName, needsOf } from "../../reports/figure-columns.ts"
import { fixedDigits } from "../../reports/render/display.ts"
import type { Asked, Cell, Sources } from "../../reports/section.ts"
import { UsageError } from "../command.ts"

export interface Alarm {
  readonly text: string
  readonly figure: FigureName
  readonly operator: ">" | ">=" | "<" | "<="
  /** Billionths, so that money is compared exactly. */
  readonly bound: bigint
}

const RULE = /^\s*([a-z0-9_]+)\s*(>=|<=|>|<)\s*(-?)(\d{1,15})(?:\.(\d{1,9}))?\s*$/

/** @throws UsageError */
export function alarmOf(text: string): Alarm {
  const [, name = "", operator, sign, whole = "", fraction = ""] = RULE.exec(text) ?? []
  if (operator === undefined)
    throw new UsageError(
      `--fail-if takes a figure, one of > >= < <=, and a number, as 'cost_usd > 500'; not ${JSON.stringify(text)}.`,
    )
  if (!isFigureName(name)) {
    const meant = nearest(name, Object.keys(FIGURES))
    throw new UsageError(
      `There is no figure ${JSON.stringify(name)}.${meant === undefined ? ` There are ${Object.keys(FIGURES).join(", ")}.` : ` Did you mean ${meant}?`}`,
    )
  }
  const size = BigInt(`${whole}${fraction.padEnd(9, "0")}`)
  return {
    text: text.trim(),
    figure: name,
    operator: operator as Alarm["operator"],
    bound: sign === "-" ? -size : size,
  }
}

export interface Watched {
  readonly alarm: Alarm
  /** `undetermined`: the figure has no value in this range. */
  readonly is: "past" | "within" | "undetermined"
  readonly shown: string
}

export async function watchCells(
  alarms: readonly Alarm[],
  asked: Asked,
  { queries }: Sources,
): Promise<readonly Watched[]> {
  if (alarms.length === 0) return []
  const { from, to, zone } = asked
  const needs = needsOf(alarms.map(({ figure }) => figure))
  const [rows] = await queries([{ from, to, zone, where: filtersOf(asked), by: [], ...needs }])
  if (rows === undefined) throw new Error("a query has no answer")
  return alarms.map((alarm): Watched => {
    const { column, value } = FIGURES[alarm.figure]
    const cell = value(rows.totals.figures)
    const amount = billionthsOf(cell, column.kind === "money")
    if (amount === null) return { alarm, is: "undetermined", shown: "no value" }
    const shown = column.kind === "money" ? `${fixedDigits(amount, 6)} USD` : `${String(cell)} ${column.unit}`.trim()
    return { alarm, is: isPast(amount, alarm) ? "past" : "within", shown }
  })
}

function billionthsOf(cell: Cell, isMoney: boolean): bigint | null {
  if (cell === null || typeof cell === "string") return null
  if (typeof cell === "bigint") return isMoney ? cell : cell * 1_000_000_000n
  return BigInt(Math.round(cell * 1e6)) * 1000n
}

function isPast(amount: bigint, { operator, bound }: Alarm): boolean {
  if (operator === ">") return amount > bound
  if (operator === ">=") return amount >= bound
  return operator === "<" ? amount < bound : amount <= bound
}
