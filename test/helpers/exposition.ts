/** A strict reader of Prometheus' text format: what it does not know is an error. */

import type { MetricsRule } from "../../src/config/compile/telemetry-rule.ts"

/** All families of calls, as by default. */
export const ALL_NAMES: Pick<MetricsRule, "names" | "callerLabels"> = { names: "both", callerLabels: ["caller"] }

export interface Family {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: readonly Sample[]
}

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Scrape {
  readonly families: ReadonlyMap<string, Family>
  readonly samples: readonly Sample[]
  /** The sum of all samples of the name whose labels say so. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"'
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (\\+Inf|-?[0-9.]+(?:e[+-]?[0-9]+)?)$`, "u")
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: [""],
  gauge: [""],
  histogram: ["_bucket", "_sum", "_count"],
}

/** @throws Error for anything that the format does not allow, or that a counter or histogram cannot be */
export function readExposition(text: string): Scrape {
  if (!text.endsWith("\n")) throw new Error("the last line does not end")
  const families = new Map<string, Family & { readonly samples: Sample[] }>()
  const seen = new Set<string>()
  let lines = text.slice(0, -1).split("\n")
  while (lines.length > 0) {
    const family = headOf(lines)
    if (families.has(family.name)) throw new Error(`${family.name} stands twice`)
    families.set(family.name, family)
    const next = lines.findIndex((line, index) => index > 1 && line.startsWith("#"))
    for (const line of lines.slice(2, next < 0 ? undefined : next)) {
      const sample = sampleOf(line)
      const suffixes = SUFFIXES[family.type] ?? []
      if (!suffixes.some((suffix) => sample.name === family.name + suffix))
        throw new Error(`${line}: not ${family.name}`)
      const identity = JSON.stringify([sample.name, sample.labels])
      if (seen.has(identity)) throw new Error(`${line}: stands twice`)
      seen.add(identity)
      family.samples.push(sample)
    }
    judge(family)
    lines = next < 0 ? [] : lines.slice(next)
  }
  const samples = [...families.values()].flatMap((family) => family.samples)
  return { families, samples, sum: (name, labels = {}) => sumOf(samples, name, labels) }
}

function headOf(lines: readonly string[]): Family & { readonly samples: Sample[] } {
  const help = new RegExp(`^# HELP (${NAME}) (\\S.*)$`, "u").exec(lines[0] ?? "")
  const type = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram)$`, "u").exec(lines[1] ?? "")
  if (help === null || type === null || help[1] !== type[1]) throw new Error(`no head: ${lines[0]} ${lines[1]}`)
  return { name: help[1]!, help: help[2]!, type: type[2]!, samples: [] }
}

function sampleOf(line: string): Sample {
  const match = SAMPLE.exec(line)
  if (match === null) throw new Error(`no sample: ${line}`)
  const pairs = (match[2] ?? "").matchAll(/([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"/gu)
  const labels: Record<string, string> = {}
  for (const [, label = "", value = ""] of pairs) {
    if (label in labels) throw new Error(`${line}: ${label} stands twice`)
    labels[label] = value.replaceAll(/\\(.)/gu, (_, escaped: string) => (escaped === "n" ? "\n" : escaped))
  }
  return { name: match[1]!, labels, value: match[3] === "+Inf" ? Infinity : Number(match[3]) }
}

function judge({ name, type, samples }: Family): void {
  if ((type === "counter") !== name.endsWith("_total")) throw new Error(`${name}: counters alone end in _total`)
  for (const { value } of samples) if (Number.isNaN(value)) throw new Error(`${name}: not a number`)
  if (type === "gauge") return
  for (const { value } of samples) if (value < 0) throw new Error(`${name}: below 0`)
  if (type === "histogram") judgeHistogram(name, samples)
}

function judgeHistogram(name: string, samples: readonly Sample[]): void {
  const groups = Map.groupBy(samples, ({ labels }) => JSON.stringify({ ...labels, le: "" }))
  for (const group of groups.values()) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels }) => (labels["le"] === "+Inf" ? Infinity : Number(labels["le"])))
    const isAscending = (values: readonly number[], isStrict: boolean): boolean =>
      values.every(
        (value, index) => index === 0 || (isStrict ? value > values[index - 1]! : value >= values[index - 1]!),
      )
    if (bounds.at(-1) !== Infinity || !isAscending(bounds, true)) throw new Error(`${name}: bounds ${bounds.join()}`)
    if (
      !isAscending(
        buckets.map(({ value }) => value),
        false,
      )
    )
      throw new Error(`${name}: buckets do not add up`)
    const [sum, count] = group.slice(-2)
    if (sum?.name !== `${name}_sum` || count?.name !== `${name}_count`) throw new Error(`${name}: no sum and count`)
    if (group.length !== buckets.length + 2 || buckets.at(-1)?.value !== count.value)
      throw new Error(`${name}: its count`)
  }
}

function sumOf(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>>): number {
  return samples
    .filter((sample) => sample.name === name)
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0)
}
