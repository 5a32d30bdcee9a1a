/** Anthropic Messages. */
import type { Dialect } from "../dialect.ts"
import { CLAUDE_TOKENS } from "../output-meter.ts"
import { readFault } from "../error-words.ts"
import { renderMessagesError } from "./error.ts"
import { judgeReply } from "./judge.ts"
import { MessagesObserver } from "./observe.ts"
import { peek } from "./peek.ts"
import { shapeOf } from "./shape.ts"
import { storedIds } from "./stored-ids.ts"
import { tooLong } from "./overflow-words.ts"
import { messagesWire } from "./wire-facts.ts"

export const messages: Dialect = {
  name: "anthropic",
  wire: messagesWire,
  peek,
  shapeOf,
  stored: storedIds,
  tokens: CLAUDE_TOKENS,
  judgeReply,
  readFault,
  createObserver: () => new MessagesObserver(),
  beginsStream: ({ type }) => type === "message_start" || type === "ping",
  tooLong,
  renderError: renderMessagesError,
}
