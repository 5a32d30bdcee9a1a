/** What an observer has seen, as plain values of bounded size: it crosses into another thread and comes back. */
import type { StreamObserver } from "./dialect.ts"
import type { MeterCounts } from "./output-meter.ts"
import type { TextPlace } from "./text-tokens.ts"

/** The observer's own fields by name; plain values, texts cut, nothing that is too much. */
export interface ObserverState {
  readonly fields: Readonly<Record<string, unknown>>
  readonly meter: MeterCounts
  readonly place: TextPlace
}

/** A thousand times what observers keep of ordinary streams. Copying so much takes some milliseconds. */
const MOST_VALUES = 4096
const MOST_CHARS = 1 << 18
/** Longer than any id or message that is looked at. */
const LONGEST_TEXT = 4096

export function stateOf(observer: StreamObserver): ObserverState {
  const { meter, ...fields } = observer
  return { fields: bounded(fields), meter: meter.counts, place: meter.scan.place }
}

/** The observer goes on from there. Whoever holds its meter sees the new counts. */
export function restore(observer: StreamObserver, { fields, meter, place }: ObserverState): void {
  Object.assign(observer, fields)
  observer.meter.recount(meter)
  observer.meter.scan.goOnFrom(place)
}

type Fields = Record<string, unknown>
type Room = Fields | unknown[]

/**
 * A copy that keeps what stands highest: level by level, until it holds as much as it may. What has no room is left out,
 * with null in its place where that is in a list.
 */
function bounded(fields: Fields): Fields {
  const copy: Fields = {}
  const waiting: { from: object; to: Room }[] = [{ from: fields, to: copy }]
  let values = 0
  let chars = 0
  const copied = (value: unknown): unknown => {
    if (typeof value === "string") {
      const text = value.slice(0, Math.min(LONGEST_TEXT, MOST_CHARS - chars))
      chars += text.length
      return text
    }
    if (typeof value !== "object" || value === null) return value
    if (value instanceof Set) return new Set([...value].map(copied))
    const to: Room = Array.isArray(value) ? [] : {}
    waiting.push({ from: value, to })
    return to
  }
  for (const { from, to } of waiting) {
    if (Array.isArray(to))
      for (const value of from as readonly unknown[]) {
        if (++values > MOST_VALUES) break
        to.push(copied(value))
      }
    else
      for (const name in from) {
        if (++values > MOST_VALUES) break
        Object.defineProperty(to, name, {
          value: copied((from as Fields)[name]),
          enumerable: true,
          configurable: true,
          writable: true,
        })
      }
  }
  return copy
}
