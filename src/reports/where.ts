/** Reads conditions as people write them: `group=fast,provider!=alpha,latency_ms>=2000`. */
import { nearest } from "../nearest.ts"
import { DIMENSION_NAMES, DIMENSIONS_BY_NAME, dimensionNamed, type DimensionName } from "./dimensions.ts"
import { type Dimension, type Filter, ReportRefused } from "./query.ts"

/** One condition: a name, an operator, and a value that is quoted (as JSON) or reaches to the next comma. */
const CONDITION = /((?:tag\.[\w.:/-]+)|[a-z_]+)\s*(!=|\^=|>=|<=|=)\s*("(?:[^"\\]|\\.)*"|[^,]*)(,|$)/y

type Measured = Extract<Filter, { readonly measure: string }>["measure"]

/** What single calls can be told apart by, beside dimensions. Money is given in USD. */
export const MEASURED_BY_NAME: Readonly<Record<string, Measured>> = {
  latency_ms: "latency_ms",
  cost_usd: "total_cost_nano_usd",
  attempts: "attempts",
  total_tokens: "total_tokens",
}

/** The names of all dimensions that conditions can name. */
export const FILTER_NAMES: readonly (typeof DIMENSION_NAMES)[number][] = DIMENSION_NAMES.filter(
  (name) => DIMENSIONS_BY_NAME[name].is === "value",
)

/** Several values of one name with `=` are alternatives; everything else must hold together. @throws ReportRefused */
export function filtersIn(texts: readonly string[], path: string = "where"): Filter[] {
  const alternatives = new Map<Dimension, string[]>()
  const others: Filter[] = []
  texts.forEach((text, index) => {
    const at = texts.length === 1 ? path : `${path}[${index}]`
    for (const { name, operator, value } of conditionsIn(text, at)) {
      const measure = Object.hasOwn(MEASURED_BY_NAME, name) ? MEASURED_BY_NAME[name] : undefined
      if (measure !== undefined) {
        others.push(measuredFilter(name, measure, operator, value, at))
        continue
      }
      const dimension = storedOf(name, at)
      const same = operator === "=" ? alternatives.get(dimension) : undefined
      if (same !== undefined) same.push(value)
      else if (operator === "=") alternatives.set(dimension, [value])
      else if (operator === "!=") others.push({ dimension, not: [value] })
      else if (operator === "^=") others.push({ dimension, prefix: value })
      else throw new ReportRefused(at, `${name} is compared by =, != or ^= (begins with), not by ${operator}.`)
    }
  })
  return [...[...alternatives].map(([dimension, is]): Filter => ({ dimension, is })), ...others]
}

function conditionsIn(text: string, at: string): { name: string; operator: string; value: string }[] {
  const found: { name: string; operator: string; value: string }[] = []
  CONDITION.lastIndex = 0
  while (CONDITION.lastIndex < text.length) {
    const place = CONDITION.lastIndex
    const match = CONDITION.exec(text)
    if (match === null)
      throw new ReportRefused(
        at,
        `${JSON.stringify(text.slice(place, place + 60))} is no condition: write name=value, as in project=lab,status_class!=2xx.`,
      )
    const [, name = "", operator = "", value = ""] = match
    found.push({ name, operator, value: unquoted(value.trim(), at) })
  }
  if (found.length === 0) throw new ReportRefused(at, "A condition is missing: write name=value.")
  return found
}

function unquoted(value: string, at: string): string {
  if (!value.startsWith('"')) return value
  try {
    return String(JSON.parse(value))
  } catch {
    throw new ReportRefused(at, `${value.slice(0, 60)} is no quoted text: quotes are those of JSON.`)
  }
}

function storedOf(name: string, at: string): Dimension {
  const dimension = dimensionNamed(name)
  if (dimension?.is === "value") return dimension.stored
  if (dimension?.is === "time")
    throw new ReportRefused(at, `A range of time is given by since, from and to, not by ${name}.`)
  const known = [...FILTER_NAMES, ...Object.keys(MEASURED_BY_NAME)]
  throw new ReportRefused(at, `There is nothing called ${JSON.stringify(name)} to filter by.${hint(name, known)}`)
}

function measuredFilter(name: string, measure: Measured, operator: string, value: string, at: string): Filter {
  const amount = name === "cost_usd" ? nanoUsdIn(value) : /^\d{1,15}$/.test(value) ? Number(value) : null
  if (amount === null || !Number.isSafeInteger(amount))
    throw new ReportRefused(
      at,
      `${JSON.stringify(value.slice(0, 40))} is no ${name === "cost_usd" ? "amount" : "whole number"}.`,
    )
  if (operator === ">=") return { measure, min: amount }
  if (operator === "<=") return { measure, max: amount }
  if (operator === "=") return { measure, min: amount, max: amount }
  throw new ReportRefused(at, `${name} is compared by >=, <= or =, not by ${operator}.`)
}

/** Null: it is no decimal with at most nine digits behind the point. */
export function nanoUsdIn(decimal: string): number | null {
  const match = /^(\d{1,9})(?:\.(\d{1,9}))?$/.exec(decimal)
  return match === null ? null : Number(`${match[1] ?? ""}${(match[2] ?? "").padEnd(9, "0")}`)
}

/** @throws ReportRefused */
export function dimensionsIn(text: string, path: string = "by"): DimensionName[] {
  const names = text.split(",").map((name) => name.trim())
  names.forEach((name) => {
    if (dimensionNamed(name) === undefined)
      throw new ReportRefused(
        path,
        `There is no dimension ${JSON.stringify(name.slice(0, 60))}.${hint(name, DIMENSION_NAMES)}`,
      )
  })
  if (names.length > 3 || new Set(names).size < names.length)
    throw new ReportRefused(path, "At most three different dimensions can be told apart at once.")
  return names as DimensionName[]
}

function hint(written: string, known: readonly string[]): string {
  const meant = nearest(written, known)
  return meant === undefined ? ` There are ${known.join(", ")}.` : ` Did you mean ${meant}?`
}
