/** OpenAI Chat Completions. */
import type { Dialect } from "../dialect.ts"
import { OPENAI_TOKENS } from "../output-meter.ts"
import { readFault } from "../error-words.ts"
import { renderError } from "./failure.ts"
import { judgeReply } from "./judge.ts"
import { ChatObserver } from "./observe.ts"
import { peek } from "./peek.ts"
import { shapeOf } from "./shape.ts"
import { storedIds } from "./stored-ids.ts"

export const chat: Dialect = {
  name: "openai-chat",
  endpoint: "/chat/completions",
  peek,
  shapeOf,
  stored: storedIds,
  tokens: OPENAI_TOKENS,
  judgeReply,
  readFault,
  createObserver: (request) => new ChatObserver(request),
  renderError,
}
