/** The wire facts of every dialect. */
import { chatWire } from "./chat/wire-facts.ts"
import { messagesWire } from "./messages/wire-facts.ts"
import type { DialectName } from "./name.ts"
import { responsesWire } from "./responses/wire-facts.ts"
import type { WireFacts } from "./wire-facts.ts"

export const WIRES: Readonly<Record<DialectName, WireFacts>> = {
  "openai-chat": chatWire,
  "openai-responses": responsesWire,
  anthropic: messagesWire,
}

export const DIALECT_NAMES: readonly DialectName[] = Object.keys(WIRES) as DialectName[]

/** The same by the names of the neutral conversation. */
export const WIRES_BY_ORIGIN: Readonly<Record<WireFacts["origin"], WireFacts>> = {
  chat: chatWire,
  responses: responsesWire,
  messages: messagesWire,
}
