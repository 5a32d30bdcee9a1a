/** A mapping of a foreign configuration, of which every key is either taken or reported. */

export type Place = readonly (string | number)[]

/** What a key became: nothing (`left`), or something that works differently (`changed`). */
export interface Note {
  readonly is: "left" | "changed"
  readonly path: Place
  readonly message: string
}

export class Block {
  readonly path: Place
  readonly #values: Readonly<Record<string, unknown>>
  readonly #notes: Note[]
  readonly #seen = new Set<string>()

  constructor(value: unknown, path: Place, notes: Note[]) {
    this.path = path
    this.#notes = notes
    this.#values = isMapping(value) ? value : {}
    if (value !== undefined && value !== null && !isMapping(value)) this.#note("left", path, "It is no mapping.")
  }

  get keys(): readonly string[] {
    return Object.keys(this.#values)
  }

  /** Undefined: the key is absent or null. */
  take(key: string): unknown {
    this.#seen.add(key)
    return (Object.hasOwn(this.#values, key) ? this.#values[key] : undefined) ?? undefined
  }

  text(key: string): string | undefined {
    const value = this.take(key)
    if (typeof value === "string" && value !== "") return value
    if (typeof value === "number") return String(value)
    if (value !== undefined && value !== "") this.leave(key, "It is no text.")
    return undefined
  }

  /** A number of 0 or more, also as a text. */
  number(key: string): number | undefined {
    const value = this.take(key)
    if (value === undefined) return undefined
    const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value
    if (typeof number === "number" && number >= 0 && Number.isFinite(number)) return number
    this.leave(key, "It is no number.")
    return undefined
  }

  flag(key: string): boolean | undefined {
    const value = this.take(key)
    if (typeof value === "boolean") return value
    if (value !== undefined) this.leave(key, "It is neither true nor false.")
    return undefined
  }

  block(key: string): Block {
    return new Block(this.take(key), [...this.path, key], this.#notes)
  }

  list(key: string): readonly unknown[] {
    const value = this.take(key)
    if (value === undefined) return []
    if (Array.isArray(value)) return value
    this.leave(key, "It is no list.")
    return []
  }

  /** Reports a key that is there as not carried. */
  leave(key: string, message: string): void {
    if (this.take(key) !== undefined) this.#note("left", [...this.path, key], message)
  }

  change(key: string, message: string): void {
    if (this.take(key) !== undefined) this.#note("changed", [...this.path, key], message)
  }

  /** Reports every key that nothing took. */
  leaveRest(advice: Readonly<Record<string, string>>): void {
    for (const key of this.keys)
      if (!this.#seen.has(key)) this.leave(key, (Object.hasOwn(advice, key) ? advice[key] : undefined) ?? UNKNOWN)
  }

  #note(is: Note["is"], path: Place, message: string): void {
    this.#notes.push({ is, path, message })
  }
}

const UNKNOWN = "This router has nothing that corresponds to it."

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
