/** The three dialects. */
import { chat } from "./chat/index.ts"
import type { Dialect, DialectName } from "./dialect.ts"
import { messages } from "./messages/index.ts"
import { responses } from "./responses/index.ts"

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  "openai-chat": chat,
  "openai-responses": responses,
  anthropic: messages,
}
