/** System text and turns of a request, by Anthropic's rules about what may be empty and what may stand where. */

import type { Block } from "../../canonical/block.ts"
import type { JsonObject } from "../../canonical/json.ts"
import type { Message } from "../../canonical/request.ts"
import { ownFields } from "./wire.ts"
import { writeBlocks, type RequestWriting } from "./write-block.ts"

export interface WrittenTurn {
  readonly role: string
  readonly content: readonly JsonObject[]
  readonly own: JsonObject
}

/** System blocks hold text only; other blocks of a system message that was moved here are left out. */
export function writeSystem(blocks: readonly Block[], writing: RequestWriting): readonly JsonObject[] {
  const texts = blocks.filter((block, index) => {
    if (block.type === "text" || block.type === "raw") return true
    const isMedia = block.type === "image" || block.type === "document" || block.type === "audio"
    writing.losses.add(isMedia ? block.type : "content", `instructions[${index}]`)
    return false
  })
  return withoutBlank(writeBlocks(texts, writing, "instructions"), writing, "instructions")
}

/** Turns that became empty are left out, and their neighbours of one role joined. */
export function writeTurns(messages: readonly Message[], writing: RequestWriting): readonly WrittenTurn[] {
  const turns: { role: string; content: JsonObject[]; own: JsonObject }[] = []
  for (const [index, message] of messages.entries()) {
    const path = `messages[${index}].blocks`
    const role = roleOf(message)
    const allowed = role === "assistant" ? assistantBlocks(message.blocks, writing, path) : message.blocks
    const content = withoutBlank(writeBlocks(allowed, writing, path), writing, path)
    if (content.length === 0 && message.extra === undefined) continue
    const last = turns.at(-1)
    if (last?.role === role && message.extra === undefined) last.content.push(...content)
    else turns.push({ role, content: [...content], own: ownFields(message.extra) })
  }
  return turns
}

function roleOf(message: Message): string {
  if (message.role === "developer") return "system"
  return message.role === "tool" ? "user" : message.role
}

/** An assistant shows no pictures here. */
function assistantBlocks(blocks: readonly Block[], writing: RequestWriting, path: string): readonly Block[] {
  if (!blocks.some((block) => block.type === "image" || block.type === "document")) return blocks
  return blocks.filter((block, index) => {
    if (block.type !== "image" && block.type !== "document") return true
    writing.losses.add(block.type, `${path}[${index}]`)
    return false
  })
}

/** Anthropic refuses a message whose texts are all white space. What a client of this dialect sends is its own affair. */
function withoutBlank(content: readonly JsonObject[], writing: RequestWriting, path: string): readonly JsonObject[] {
  if (writing.isHome || !content.some(isBlank)) return content
  if (content.some((block) => block["type"] === "text" && !isBlank(block))) return content
  writing.losses.add("content", path)
  return content.filter((block) => !isBlank(block))
}

function isBlank(block: JsonObject): boolean {
  return block["type"] === "text" && typeof block["text"] === "string" && block["text"].trim() === ""
}

/** Anthropic refuses an assistant's last text that ends in white space, where it is to be continued. */
export function trimPrefill(turns: readonly WrittenTurn[], writing: RequestWriting): readonly WrittenTurn[] {
  const last = turns.at(-1)
  const block = last?.content.at(-1)
  const text = block?.["text"]
  if (writing.isHome || last?.role !== "assistant" || typeof text !== "string") return turns
  const trimmed = text.trimEnd()
  if (trimmed === text || trimmed === "") return turns
  writing.losses.add("prefill", `messages[${turns.length - 1}]`)
  return [...turns.slice(0, -1), { ...last, content: [...last.content.slice(0, -1), { ...block, text: trimmed }] }]
}

/**
 * With a thinking budget Anthropic demands that the assistant turn that goes on, in a tool loop or by being continued,
 * begins with its thinking. (Adaptive thinking demands nothing.)
 */
export function lacksThinking(turns: readonly WrittenTurn[]): boolean {
  const at = turns.findLastIndex((turn) => turn.role === "assistant")
  const turn = turns[at]
  if (turn === undefined) return false
  const isLoop = turns[at + 1]?.content.some((block) => block["type"] === "tool_result") === true
  if (!isLoop && at !== turns.length - 1) return false
  const first = turn.content[0]?.["type"]
  return first !== "thinking" && first !== "redacted_thinking"
}
