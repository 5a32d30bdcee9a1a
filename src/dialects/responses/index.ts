/** OpenAI Responses. */
import type { Dialect } from "../dialect.ts"
import { asString } from "../loose.ts"
import { openAiTooLong } from "../openai-error.ts"
import { OPENAI_TOKENS } from "../output-meter.ts"
import { readFault } from "../error-words.ts"
import { renderError } from "./failure.ts"
import { judgeReply } from "./judge.ts"
import { ResponsesObserver } from "./observe.ts"
import { peek } from "./peek.ts"
import { shapeOf } from "./shape.ts"
import { storedIds } from "./stored-ids.ts"
import { responsesWire } from "./wire-facts.ts"

export const responses: Dialect = {
  name: "openai-responses",
  wire: responsesWire,
  peek,
  shapeOf,
  stored: storedIds,
  tokens: OPENAI_TOKENS,
  judgeReply,
  readFault,
  createObserver: () => new ResponsesObserver(),
  beginsStream: ({ type }) => asString(type)?.startsWith("response.") === true,
  tooLong: openAiTooLong,
  renderError,
}
