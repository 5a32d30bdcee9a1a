/** OpenAI Chat Completions. */
import type { Dialect } from "../dialect.ts"
import { asArray, asObject } from "../loose.ts"
import { openAiTooLong } from "../openai-error.ts"
import { OPENAI_TOKENS } from "../output-meter.ts"
import { readFault } from "../error-words.ts"
import { renderError } from "./failure.ts"
import { judgeReply } from "./judge.ts"
import { ChatObserver } from "./observe.ts"
import { peek } from "./peek.ts"
import { shapeOf } from "./shape.ts"
import { storedIds } from "./stored-ids.ts"
import { chatWire } from "./wire-facts.ts"

export const chat: Dialect = {
  name: "openai-chat",
  wire: chatWire,
  peek,
  shapeOf,
  stored: storedIds,
  tokens: OPENAI_TOKENS,
  judgeReply,
  readFault,
  createObserver: (request) => new ChatObserver(request),
  beginsStream: ({ choices }) => asArray(choices).some((choice) => asObject(asObject(choice)?.["delta"]) !== null),
  tooLong: openAiTooLong,
  renderError,
}
