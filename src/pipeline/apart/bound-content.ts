/** Requests that no target of another dialect can serve, because nothing usable would be left of what they hold. */
import type { Block } from "../../canonical/block.ts"
import type { Message, Request } from "../../canonical/request.ts"
import type { Tool } from "../../canonical/tool.ts"
import { WIRES_BY_ORIGIN } from "../../dialects/wires.ts"
import type { ErrorCode } from "../../error-catalogue.ts"
import { RouterError } from "../../errors.ts"

/**
 * `stateful-unsupported` where the conversation holds what only its vendor can go on with (a sealed summary, a wish to
 * compact, an encrypted message of an agent), or where references are all that it holds, or hold the calls whose results
 * stand there. `translation-loss` where nothing would be left of the conversation, of a tool's result, or of the tools that
 * the client runs. Null where it can be translated.
 */
export function boundContent({ dialect, messages, tools }: Request): RouterError | null {
  const param = (index: number): string => `${WIRES_BY_ORIGIN[dialect].conversationMember}[${index}]`
  const bound = messages.findIndex(({ blocks }) => blocks.some((block) => isRaw(block, "bound")))
  if (bound !== -1) return unsupported(param(bound), "only a target of its own dialect can go on with it")
  const pointing = messages.findIndex(({ blocks }) => blocks.some((block) => isRaw(block, "reference")))
  if (leavesNone(tools)) return unsupported("tools", "no tool that the client runs would be left", "translation-loss")
  if (pointing === -1) return vanished(messages, param)
  const said = messages.flatMap((message) => (isSpoken(message) ? message.blocks : []))
  const calls = new Set(said.flatMap((block) => (block.type === "tool-call" ? [block.id] : [])))
  const isLeft = said.some((block) => !isRaw(block, "reference"))
  const isAnswered = said.every((block) => block.type !== "tool-result" || calls.has(block.callId))
  return isLeft && isAnswered ? null : unsupported(param(pointing), "no target of this model group can resolve it")
}

/** Of an agent whose tools are its vendor's own, a model of another dialect would be told nothing that it can do. */
function leavesNone(tools: Request["tools"]): boolean {
  return tools.every(isVendors) && tools.some((tool) => tool.type === "raw" && tool.runs === "client")
}

function isVendors(tool: Tool): boolean {
  return tool.type === "raw" && tool.as === undefined
}

/** Nothing usable would be left of what was said, or of a result. */
function vanished(messages: Request["messages"], param: (index: number) => string): RouterError | null {
  const spoken = messages.filter((message) => isSpoken(message) && message.blocks.length > 0)
  const isAll = spoken.length > 0 && spoken.every(({ blocks }) => blocks.every(vanishes))
  const at = messages.findIndex(({ blocks }) => blocks.some((block) => (isAll ? vanishes(block) : isEmptied(block))))
  return at === -1 ? null : unsupported(param(at), "nothing of it would be left", "translation-loss")
}

function isSpoken({ role }: Message): boolean {
  return role !== "system" && role !== "developer"
}

/** Has no words in another dialect. */
function vanishes(block: Block): boolean {
  return block.type === "raw" && block.as === undefined && (block.text ?? "") === ""
}

/** A result of which the model would see nothing, such as an encrypted one. */
function isEmptied(block: Block): boolean {
  if (block.type !== "tool-result" || block.content.length === 0) return false
  return block.content.every((part) => part.type === "raw" && part.what === "content" && vanishes(part))
}

function isRaw(block: Block, what: "bound" | "reference"): boolean {
  return block.type === "raw" && block.what === what
}

function unsupported(param: string, why: string, code: ErrorCode = "stateful-unsupported"): RouterError {
  return new RouterError(code, { param, message: `\`${param}\` cannot be translated: ${why}.` })
}
