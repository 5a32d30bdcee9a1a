/** A key that is the same for all calls of a conversation and tells nobody who leads it. */
import { createHash } from "node:crypto"
import { isObject, parseExact, type JsonValue } from "../../canonical/json.ts"
import type { CallFacts } from "../strategy.ts"
import { firstTurnIn } from "./call-text.ts"

export interface ConversationKey {
  readonly conversationKey: string
  readonly conversationKeySource: "conversation_id" | "turn0_hash" | "anonymous"
}

const ID_FIELDS = ["conversation_id", "conversationId", "session_id", "sessionId"]
const ID = /^[A-Za-z0-9._:-]{1,128}$/

export function conversationKey(call: CallFacts, salt: string): ConversationKey | Promise<ConversationKey> {
  const earlier = call.recorded?.conversation ?? null
  if (earlier !== null) return keyed(call, salt, "turn0_hash", earlier)
  const id = metadataId(call)
  if (id !== null) return keyed(call, salt, "conversation_id", id)
  if (call.large !== undefined) return call.large.firstTurn().then((first) => byTurn(call, salt, first))
  return byTurn(call, salt, call.body === null ? null : firstTurnIn(call.body.bytes, call.dialect))
}

function byTurn(call: CallFacts, salt: string, first: string | null): ConversationKey {
  return first === null ? keyed(call, salt, "anonymous", call.id) : keyed(call, salt, "turn0_hash", first)
}

function keyed(
  call: CallFacts,
  salt: string,
  source: ConversationKey["conversationKeySource"],
  value: string,
): ConversationKey {
  const parts = JSON.stringify([salt, call.caller?.id ?? "", call.group.name, source, value])
  const digest = createHash("sha256").update(parts).digest("hex")
  return { conversationKey: `ck_${digest.slice(0, 32)}`, conversationKeySource: source }
}

function metadataId(call: CallFacts): string | null {
  const member = call.body?.members.find(({ key }) => key === "metadata")
  if (call.body === null || member === undefined) return null
  const metadata: JsonValue = parseExact(Buffer.from(call.body.bytes.subarray(member.start, member.end)).toString())
  if (!isObject(metadata)) return null
  const found = ID_FIELDS.map((field) => metadata[field]).find((value) => typeof value === "string" && ID.test(value))
  return typeof found === "string" ? found : null
}
