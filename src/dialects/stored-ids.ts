/** Ids of state that lives at a provider: where a request points at some, and where an answer hands some out. */
import type { JsonObject } from "../canonical/json.ts"
import type { ScannedObject } from "../json/scan.ts"
import { HIDDEN } from "../json/watched-names.ts"
import type { Binding, IdPlace } from "./id-places.ts"
import type { Loose } from "./loose.ts"

/**
 * `item`: one output item of a stored response. `thread`: the message that a thread goes on from. `message`: an answer
 * that a later request compares itself with. `audio`: sound that a model has made.
 */
export type StoredKind = "response" | "conversation" | "thread" | "container" | "file" | "item" | "message" | "audio"

export interface StoredId {
  readonly kind: StoredKind
  readonly id: string
}

/** An id that a request points with, and where. */
export interface HeldId extends StoredId {
  readonly param: string
  readonly binding: Binding
}

export interface StoredIds {
  /** Every place where a client can say an id. */
  readonly places: readonly IdPlace[]
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

const BACKSLASH = 92

/** Does the small member's text hold the name, or may it hide one behind escapes? */
export function memberMentions({ bytes, members }: ScannedObject, key: string, name: Uint8Array): boolean {
  return members.some((member) => {
    if (member.key !== key) return false
    const value = Buffer.from(bytes.buffer, bytes.byteOffset + member.start, member.end - member.start)
    return value.includes(name) || value.includes(BACKSLASH)
  })
}
