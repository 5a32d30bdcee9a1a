/** A request to a Chat Completions server. https://platform.openai.com/docs/api-reference/chat/create */

import { arrange } from "../../canonical/arrange.ts"
import { arrangeTools } from "../../canonical/arrange-tools.ts"
import type { JsonObject } from "../../canonical/json.ts"
import { Losses } from "../../canonical/loss.ts"
import { buildNameTable } from "../../canonical/name-map.ts"
import type { Message, Request } from "../../canonical/request.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import type { Mint, WrittenRequest } from "../codec.ts"
import { writeMessage, type MessageWriter } from "./write-message.ts"
import {
  capFields,
  extraFields,
  formatFields,
  identityFields,
  reasoningFields,
  refuseState,
  samplingFields,
  servingFields,
  streamFields,
} from "./write-settings.ts"
import type { MarkField } from "./wire.ts"
import { writeChoice, writeTool, type ToolWriter } from "./write-tools.ts"

export function writeRequest(request: Request, facts: TargetFacts, mint: Mint): WrittenRequest {
  refuseState(request)
  const losses = new Losses()
  const arranged = arrange(request, facts)
  const tools = arrangeTools(request, facts)
  losses.addAll(arranged.losses)
  losses.addAll(tools.losses)
  const conversation: readonly Message[] =
    arranged.instructions.length === 0
      ? arranged.messages
      : [{ role: "system", blocks: arranged.instructions }, ...arranged.messages]
  const names = buildNameTable(tools.tools, conversation, { rules: facts.nameRules, customTools: facts.customTools })
  const isHome = request.dialect === "chat"
  const writer: MessageWriter & ToolWriter = {
    facts,
    isHome,
    losses,
    names,
    from: request.dialect,
    marks: marksFor(request),
  }
  const cap = capFields(request, writer)
  const declared: JsonObject = {
    ...(tools.tools.length === 0
      ? {}
      : { tools: tools.tools.map((tool, index) => writeTool(tool, writer, `tools[${index}]`)) }),
    ...(tools.choice === undefined ? {} : { tool_choice: writeChoice(tools.choice, writer) }),
    ...(tools.parallel === undefined ? {} : { parallel_tool_calls: tools.parallel }),
  }
  const body: JsonObject = {
    ...extraFields(request, writer),
    model: facts.model,
    messages: conversation.flatMap((message, index) => {
      const place = index - (conversation.length - arranged.messages.length)
      return writeMessage(message, writer, place < 0 ? "instructions" : `messages[${place}].blocks`)
    }),
    ...declared,
    ...cap.fields,
    ...samplingFields(request, writer),
    ...formatFields(request, writer),
    ...reasoningFields(request, writer, cap.tokens),
    ...identityFields(request, writer),
    ...servingFields(request, writer),
    ...streamFields(request, writer),
  }
  const several = (request.sampling.choices ?? 1) > 1
  const context = { names, issuer: facts.issuer, mint, ...(several ? { severalChoices: true as const } : {}) }
  return { body, losses: losses.list(), context }
}

/**
 * Marks cross between kin as OpenAI has them. A client of Chat gets its own form back: OpenAI's where it asked for explicit
 * caching, else Anthropic's, which routers of many vendors take.
 */
function marksFor({ dialect, identity }: Request): MarkField | null {
  if (dialect === "messages") return null
  const isExplicit = identity.promptCacheOptions?.["mode"] === "explicit"
  return dialect === "responses" || isExplicit ? "prompt_cache_breakpoint" : "cache_control"
}
