/** How long answers of targets took, as recorded: by group, target and kind of answer. Memory is bounded by targets. */
import { DurationHistogram } from "./duration-histogram.ts"

/** Fewer answers say nothing about the next ones. */
const ENOUGH = 20

export class Latencies {
  private readonly seen = new Map<string, DurationHistogram>()

  /** `kind`: streams and whole answers are compared with their like. */
  saw(group: string, target: string, kind: number, ms: number): void {
    this.of(key(group, target, kind)).add(ms)
    this.of(key("", target, kind)).add(ms)
  }

  /** Of the target in this group, else in all groups; null: too few answers were recorded. */
  find(group: string, target: string, kind: number): DurationHistogram | null {
    const own = this.seen.get(key(group, target, kind))
    if (own !== undefined && own.total >= ENOUGH) return own
    const all = this.seen.get(key("", target, kind))
    return all !== undefined && all.total >= ENOUGH ? all : null
  }

  private of(name: string): DurationHistogram {
    let histogram = this.seen.get(name)
    if (histogram === undefined) this.seen.set(name, (histogram = new DurationHistogram()))
    return histogram
  }
}

function key(group: string, target: string, kind: number): string {
  return `${kind} ${target} ${group}`
}
