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

export const messages: Dialect = {
  name: "anthropic",
  endpoint: "/v1/messages",
  peek,
  shapeOf,
  stored: storedIds,
  tokens: CLAUDE_TOKENS,
  judgeReply,
  readFault,
  createObserver: () => new MessagesObserver(),
  renderError: renderMessagesError,
}
