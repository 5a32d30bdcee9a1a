/** The three dialects. */
import { chatCodec } from "./chat/codec.ts"
import { chat } from "./chat/index.ts"
import type { Codec } from "./codec.ts"
import type { Dialect } from "./dialect.ts"
import type { DialectName } from "./name.ts"
import { messagesCodec } from "./messages/codec.ts"
import { messages } from "./messages/index.ts"
import { responsesCodec } from "./responses/codec.ts"
import { responses } from "./responses/index.ts"

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  "openai-chat": chat,
  "openai-responses": responses,
  anthropic: messages,
}

/** To the canonical form and back. */
export const CODECS: Readonly<Record<DialectName, Codec>> = {
  "openai-chat": chatCodec,
  "openai-responses": responsesCodec,
  anthropic: messagesCodec,
}
