/** The question in the arguments of `smart-router report`. */
import { nearest } from "../../nearest.ts"
import { readAsked } from "../../reports/asked.ts"
import { nanoUsdIn } from "../../reports/where.ts"
import type { Asked, Baseline } from "../../reports/section.ts"
import { type Arguments, UsageError } from "../command.ts"
import { WHERE_ALIASES } from "./options.ts"

const WEEK_MS = 7 * 86_400_000

export interface AskedHere {
  readonly nowMs: number
  readonly top: number
  readonly baselines: readonly Baseline[]
}

/** @throws UsageError, ReportRefused */
export function askedBy(options: Arguments, { nowMs, top, baselines }: AskedHere): Asked {
  const aliases = Object.entries(WHERE_ALIASES).flatMap(([name, condition]) => {
    const value = options.text(name)
    return value === undefined ? [] : [`${condition}${JSON.stringify(value)}`]
  })
  const texts = {
    ...Object.fromEntries(
      ["since", "from", "to", "tz", "by", "top", "sort", "after", "near"].map((name) => [name, options.text(name)]),
    ),
    where: [...options.list("where"), ...aliases],
  }
  const defaults = { nowMs, sinceMs: WEEK_MS, zone: "UTC", top, scope: null }
  return readAsked(texts, { ...defaults, baselines: baselinesBy(options, baselines) })
}

function baselinesBy(options: Arguments, configured: readonly Baseline[]): readonly Baseline[] {
  const own = ["input", "output"].map((part) => options.text(`baseline-${part}-price-per-million-usd`))
  const [input, output] = own
  const id = options.text("baseline") ?? options.text("baseline-id")
  if (input !== undefined && output !== undefined) {
    const name = options.text("baseline-name") ?? id ?? "your price"
    const version = options.text("baseline-version")
    const prices = { inputPrice: priceOf(input, "input"), outputPrice: priceOf(output, "output") }
    return [{ id: id ?? "custom", name: version === undefined ? name : `${name} ${version}`, ...prices }]
  }
  if (own.some((price) => price !== undefined))
    throw new UsageError(
      "A price of your own needs both --baseline-input-price-per-million-usd and --baseline-output-price-per-million-usd.",
    )
  if (id === undefined) return configured
  const found = configured.filter((baseline) => baseline.id === id)
  if (found.length > 0) return found
  const ids = configured.map((baseline) => baseline.id)
  const meant = nearest(id, ids)
  const hint =
    meant !== undefined
      ? ` Did you mean ${meant}?`
      : ids.length === 0
        ? " server.admin_reports.baselines names none."
        : ` There are ${ids.join(", ")}.`
  throw new UsageError(`There is no baseline ${JSON.stringify(id)}.${hint}`)
}

function priceOf(text: string, part: string): bigint {
  const price = nanoUsdIn(text)
  if (price === null)
    throw new UsageError(
      `--baseline-${part}-price-per-million-usd takes an amount in USD, as 2.50, not ${JSON.stringify(text)}.`,
    )
  return BigInt(price)
}
