/** Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details */
import type { Histogram } from "./histogram.ts"

export type Labels = Readonly<Record<string, string>>
export type FamilyType = "counter" | "gauge" | "histogram"

/** Takes families one behind the other, each with its samples. */
export interface FamilyWriter {
  /** Its samples follow. */
  family(name: string, type: FamilyType, help: string): this
  sample(labels: Labels, value: number): this
  histogram(labels: Labels, histogram: Histogram): this
}

export class Exposition implements FamilyWriter {
  readonly #lines: string[] = []
  /** Of every sample. */
  readonly #base: string
  #name = ""

  constructor(base: Labels) {
    this.#base = labelText("", base)
  }

  family(name: string, type: FamilyType, help: string): this {
    this.#name = name
    this.#lines.push(`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`)
    return this
  }

  sample(labels: Labels, value: number): this {
    this.#write("", labelText(this.#base, labels), value)
    return this
  }

  histogram(labels: Labels, { bounds, counts, sum }: Histogram): this {
    const text = labelText(this.#base, labels)
    const before = text === "" ? "" : `${text},`
    let below = 0
    for (let bucket = 0; bucket < counts.length; bucket++) {
      below += counts[bucket] ?? 0
      this.#write("_bucket", `${before}le="${numberText(bounds[bucket] ?? Infinity)}"`, below)
    }
    this.#write("_sum", text, sum)
    this.#write("_count", text, below)
    return this
  }

  text(): string {
    return `${this.#lines.join("\n")}\n`
  }

  #write(suffix: string, labels: string, value: number): void {
    this.#lines.push(`${this.#name}${suffix}${labels === "" ? "" : `{${labels}}`} ${numberText(value)}`)
  }
}

function labelText(before: string, labels: Labels): string {
  let text = before
  for (const [label, value] of Object.entries(labels)) text += `${text === "" ? "" : ","}${label}="${quoted(value)}"`
  return text
}

function numberText(value: number): string {
  if (value === Infinity) return "+Inf"
  return value === -Infinity ? "-Inf" : String(value)
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
}

/** Half a surrogate pair would not be UTF-8. */
function quoted(text: string): string {
  return escaped(text.toWellFormed()).replaceAll('"', '\\"')
}
