/** A map that takes over another one and changes a part of it, without copying the rest. The other one stays as it is. */

const GONE = Symbol("gone")

export class LayeredMap<Value extends object | string | number | boolean | null> implements ReadonlyMap<string, Value> {
  readonly #base: ReadonlyMap<string, Value>
  readonly #changes: Map<string, Value | typeof GONE>
  #size: number

  constructor(before: LayeredMap<Value> | null = null) {
    const isLayered = before !== null && before.#base.size > 0
    this.#base = isLayered ? before.#base : (before ?? new Map<string, Value>())
    this.#changes = isLayered ? new Map(before.#changes) : new Map<string, Value | typeof GONE>()
    this.#size = before?.size ?? 0
  }

  get size(): number {
    return this.#size
  }

  /** Entries that differ from the map below; 0: there is none below. */
  get changes(): number {
    return this.#base.size === 0 ? 0 : this.#changes.size
  }

  get(key: string): Value | undefined {
    const changed = this.#changes.get(key)
    if (changed === undefined) return this.#base.get(key)
    return changed === GONE ? undefined : changed
  }

  has(key: string): boolean {
    return this.get(key) !== undefined
  }

  set(key: string, value: Value): void {
    if (!this.has(key)) this.#size += 1
    this.#changes.set(key, value)
  }

  delete(key: string): void {
    if (!this.has(key)) return
    this.#size -= 1
    this.#changes.set(key, GONE)
  }

  *entries(): MapIterator<[string, Value]> {
    for (const [key, value] of this.#base) if (!this.#changes.has(key)) yield [key, value]
    for (const [key, value] of this.#changes) if (value !== GONE) yield [key, value]
  }

  *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key
  }

  *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries()
  }

  forEach(act: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [key, value] of this.entries()) act(value, key, this)
  }
}
