/** The keys by which a conversation is known again. Only hashes leave this file. */
import type { DialectName } from "../../dialects/name.ts"
import { BodyMembers } from "../../dialects/body-members.ts"
import { asString } from "../../dialects/loose.ts"
import { WIRES } from "../../dialects/wires.ts"
import type { ScannedObject } from "../../json/scan.ts"
import { firstTurns } from "./first-turns.ts"

export interface ConversationSource {
  readonly callerId: string
  readonly dialect: DialectName
  readonly body: ScannedObject
  readonly headers: { get(name: string): string | null }
}

export type KeyKind = "session" | "prompt-cache-key" | "first-turns"

export interface ConversationKeys {
  readonly kind: KeyKind
  /** Where to look, best first; empty for the first call of a conversation that is known by its turns. */
  readonly known: readonly string[]
  /** Where to remember it. */
  readonly next: string
}

/** Null: nothing tells this conversation from another. */
export function conversationKeys(source: ConversationSource): ConversationKeys | null {
  const ofSession = sessionKeys(source)
  if (ofSession !== null) return ofSession
  const members = new BodyMembers(source.body)
  const { cacheKeyMember } = WIRES[source.dialect]
  const cacheKey = cacheKeyMember === null ? null : asString(members.value(cacheKeyMember))
  if (cacheKey !== null && cacheKey !== "") return named("prompt-cache-key", cacheKey, source)
  return byTurns(source, members)
}

/** Null: no header names a session. */
export function sessionKeys(source: Omit<ConversationSource, "body">): ConversationKeys | null {
  const session = sessionOf(source.headers)
  return session === null ? null : named("session", session, source)
}

/** Agents of one session have conversations of their own. */
function sessionOf(headers: ConversationSource["headers"]): string | null {
  const explicit = headers.get("x-session-id")
  if (explicit !== null && explicit !== "") return explicit
  const session = headers.get("x-claude-code-session-id")
  if (session === null || session === "") return null
  return `${session} ${headers.get("x-claude-code-agent-id") ?? ""}`
}

function named(kind: KeyKind, value: string, source: Omit<ConversationSource, "body">): ConversationKeys {
  const key = hashed(source, kind, value)
  return { kind, known: [key], next: key }
}

/**
 * Conversations that begin with the same words differ in the first answer, which only the second call brings along: the
 * first call is remembered by its opening, later ones by opening and answer. A call without an answer in it begins a
 * conversation, so it is never drawn to where another one with the same words went.
 */
function byTurns(source: ConversationSource, members: BodyMembers): ConversationKeys | null {
  const turns = firstTurns(members.bytes(WIRES[source.dialect].conversationMember))
  if (turns === null) return null
  const opening = hashed(source, "opening", turns.opening)
  if (turns.answer === null) return { kind: "first-turns", known: [], next: opening }
  const both = hashed(source, "turns", `${turns.opening}\n${turns.answer}`)
  return { kind: "first-turns", known: [both, opening], next: both }
}

/** 132 bits of a keyed hash: who has only the rows cannot try out what somebody may have written. */
export function pseudonymOf(key: string, secret: string): string {
  return new Bun.CryptoHasher("sha256", secret).update(key).digest("base64url").slice(0, 22)
}

const SEPARATOR = "\u0000"

/** A client that changes its dialect has another conversation: it cannot carry its reasoning over. */
function hashed({ callerId, dialect }: Omit<ConversationSource, "body">, kind: string, value: string): string {
  return Bun.SHA256.hash([callerId, dialect, kind, value].join(SEPARATOR), "base64")
}
