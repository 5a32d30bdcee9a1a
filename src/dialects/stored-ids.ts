/** Ids of state that lives at a provider: where a request points at some, and where an answer hands some out. */
import type { JsonObject } from "../canonical/json.ts"
import type { ScannedObject } from "../json/scan.ts"
import type { Loose } from "./loose.ts"

/** `item`: one output item of a stored response. `thread`: the message that a thread goes on from. */
export type StoredKind = "response" | "conversation" | "thread" | "container" | "file" | "item"

export interface StoredId {
  readonly kind: StoredKind
  readonly id: string
}

/** An id that a request points with, and where. */
export interface HeldId extends StoredId {
  readonly param: string
}

export interface StoredIds {
  /** Could the body hold such an id? Says yes too often, never too rarely. Native searches, so that every call can afford it. */
  mayHold(body: ScannedObject): boolean
  /** Every id that the upstream would resolve; ids in the history of tool calls are mere text to it. */
  held(body: JsonObject): readonly HeldId[]
  /** Does the request ask the provider to keep the answer itself? */
  isKept(body: ScannedObject): boolean
  /** Could the answer hand out an id of what outlives it (a container, a file)? */
  mayReturn(bytes: Uint8Array): boolean
  /** What the answer hands out. `isKept`: the answer itself can be pointed at, too. */
  returned(answer: Loose, isKept: boolean): readonly StoredId[]
}

export function holdsAny(bytes: Uint8Array, needles: readonly Uint8Array[]): boolean {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  return needles.some((needle) => view.includes(needle))
}

const ESCAPED = Buffer.from("\\u00")
/** By the last two digits of an escape: letters, digits and `_`. */
const NAME_ESCAPES: ReadonlySet<number> = new Set(
  Array.from({ length: 128 }, (_, code) => code)
    .filter((code) => /\w/.test(String.fromCharCode(code)))
    .flatMap((code) => {
      const digits = code.toString(16)
      return [digits, digits.toUpperCase()].map((text) => text.charCodeAt(0) * 256 + text.charCodeAt(1))
    }),
)
/** Beyond so many hits one pass over the bytes is cheaper than another native search. */
const FEW_HITS = 32
const BACKSLASH = 92

/** Does something write letters as escapes? Only somebody who hides a name from a search does that. */
export function hidesNames(bytes: Uint8Array): boolean {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = view.indexOf(ESCAPED)
  for (let hits = 0; at >= 0 && hits < FEW_HITS; hits++) {
    if (isNameEscape(bytes, at)) return true
    at = view.indexOf(ESCAPED, at + ESCAPED.length)
  }
  if (at < 0) return false
  for (; at < bytes.length; at++) if (bytes[at] === BACKSLASH && isNameEscape(bytes, at)) return true
  return false
}

function isNameEscape(bytes: Uint8Array, at: number): boolean {
  return (
    bytes[at + 1] === ESCAPED[1] &&
    bytes[at + 2] === ESCAPED[2] &&
    bytes[at + 3] === ESCAPED[3] &&
    NAME_ESCAPES.has((bytes[at + 4] ?? 0) * 256 + (bytes[at + 5] ?? 0))
  )
}

/** Is the top-level member there, with a value other than null? */
export function hasMember({ bytes, members }: ScannedObject, key: string): boolean {
  return members.some((member) => member.key === key && bytes[member.start] !== NULL)
}

const NULL = 110

/** Collects ids with their places. */
export class HeldIdList {
  readonly ids: HeldId[] = []

  add(kind: StoredKind, value: unknown, param: string): void {
    if (typeof value === "string") this.ids.push({ kind, id: value, param })
  }

  addAll(kind: StoredKind, values: unknown, param: string): void {
    if (!Array.isArray(values)) return
    for (const [index, value] of values.entries()) this.add(kind, value, `${param}[${index}]`)
  }
}
