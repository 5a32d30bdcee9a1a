/** OpenAI Responses. */
import type { Dialect } from "../dialect.ts"
import { OPENAI_TOKENS } from "../output-meter.ts"
import { readFault } from "../error-words.ts"
import { renderError } from "./failure.ts"
import { judgeReply } from "./judge.ts"
import { ResponsesObserver } from "./observe.ts"
import { peek } from "./peek.ts"
import { shapeOf } from "./shape.ts"
import { storedIds } from "./stored-ids.ts"

export const responses: Dialect = {
  name: "openai-responses",
  endpoint: "/responses",
  peek,
  shapeOf,
  stored: storedIds,
  tokens: OPENAI_TOKENS,
  judgeReply,
  readFault,
  createObserver: () => new ResponsesObserver(),
  renderError,
}
