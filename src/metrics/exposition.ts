/** Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details */
import type { Histogram } from "./histogram.ts"

export type Labels = Readonly<Record<string, string>>
type FamilyType = "counter" | "gauge" | "histogram"

export class Exposition {
  readonly #lines: string[] = []
  /** Of every sample. */
  readonly #base: Labels
  #name = ""

  constructor(base: Labels) {
    this.#base = base
  }

  /** Its samples follow. */
  family(name: string, type: FamilyType, help: string): this {
    this.#name = name
    this.#lines.push(`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`)
    return this
  }

  sample(labels: Labels, value: number): this {
    this.#write(this.#name, labels, value)
    return this
  }

  histogram(labels: Labels, { bounds, counts, sum }: Histogram): this {
    const name = this.#name
    let below = 0
    for (let bucket = 0; bucket < counts.length; bucket++) {
      below += counts[bucket] ?? 0
      this.#write(`${name}_bucket`, { ...labels, le: numberText(bounds[bucket] ?? Infinity) }, below)
    }
    this.#write(`${name}_sum`, labels, sum)
    this.#write(`${name}_count`, labels, below)
    return this
  }

  text(): string {
    return `${this.#lines.join("\n")}\n`
  }

  #write(name: string, labels: Labels, value: number): void {
    const pairs = Object.entries({ ...this.#base, ...labels }).map(([label, text]) => `${label}="${quoted(text)}"`)
    this.#lines.push(`${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${numberText(value)}`)
  }
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
