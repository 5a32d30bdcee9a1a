/** Ids of state that lives at a provider: where a request points at some, and where an answer hands some out. */
import type { JsonObject } from "../canonical/json.ts"
import type { ScannedObject } from "../json/scan.ts"
import { HIDDEN } from "../json/watched-names.ts"
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
  /** Could the body hold such an id? Says yes too often, never too rarely. Every call is asked: the scan has noted enough. */
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

/** Do the members hold a name of these groups, or hide one behind escapes? */
export function mentions({ members }: ScannedObject, keys: readonly string[], names: number): boolean {
  return members.some((member) => (member.names & (names | HIDDEN)) !== 0 && keys.includes(member.key))
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
