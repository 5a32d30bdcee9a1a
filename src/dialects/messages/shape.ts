/** The shape of a Messages request. */
import { QUOTE } from "../../json/bytes.ts"
import { hasTyped, token, valuesUnder } from "../../json/search.ts"
import type { ScannedObject } from "../../json/scan.ts"
import type { BodyMembers } from "../body-members.ts"
import { asArray, asCount, asObject, asString, type Loose } from "../loose.ts"
import {
  isStructured,
  reasoningShape,
  ShapeReader,
  toolChoiceShape,
  type RequestShape,
  type ShapeRules,
  type TextCounts,
  type ToolCounts,
} from "../shape-reader.ts"
import type { ReasoningShape } from "../shape.ts"
import { CLIENT_TYPES } from "./read-tools.ts"

export function shapeOf(body: ScannedObject): RequestShape {
  return new ShapeReader(body, RULES)
}

const RULES: ShapeRules = {
  conversation: "messages",
  countImages,
  countTools,
  hasToolHistory: (messages) => hasTyped(messages, TOOL_USE) || hasTyped(messages, TOOL_RESULT),
  hasSeals: (messages) =>
    hasTyped(messages, REDACTED) || valuesUnder(messages, SIGNATURE).some((at) => isFilledText(messages, at)),
  toolChoice: (members) =>
    toolChoiceShape(members.value("tool_choice"), (choice) => asString((choice as Loose)["type"])),
  structuredOutput: (members) =>
    isStructured(asObject(members.value("output_config"))?.["format"]) || isStructured(members.value("output_format")),
  reasoning,
  countText,
}

const IMAGE = token("image")
const TOOL_USE = token("tool_use")
const TOOL_RESULT = token("tool_result")
const REDACTED = token("redacted_thinking")
const SIGNATURE = token("signature")

function isFilledText(json: Buffer, at: number): boolean {
  return json[at] === QUOTE && json[at + 1] !== QUOTE
}

/** Arguments of tools may hold whatever looks like an image, so where the word stands the blocks are read. */
function countImages(messages: Buffer, members: BodyMembers): number {
  if (!hasTyped(messages, IMAGE)) return 0
  let images = 0
  for (const message of asArray(members.value("messages"))) images += imagesIn(asObject(message)?.["content"])
  return images
}

/** Blocks of the conversation, of tool results, and of documents that are made of blocks. */
function imagesIn(content: unknown): number {
  let images = 0
  for (const entry of asArray(content)) {
    const block = asObject(entry) ?? {}
    if (block["type"] === "image") images++
    else if (block["type"] === "tool_result") images += imagesIn(block["content"])
    else if (block["type"] === "document") images += imagesIn(asObject(block["source"])?.["content"])
  }
  return images
}

function countTools(members: BodyMembers): ToolCounts {
  const types = asArray(members.value("tools")).map((tool) => asString(asObject(tool)?.["type"]) ?? "custom")
  const client = types.filter((type) => type === "custom" || CLIENT_TYPES.test(type)).length
  return { client, hosted: types.length - client + asArray(members.value("mcp_servers")).length }
}

function reasoning(members: BodyMembers): ReasoningShape {
  const thinking = asObject(members.value("thinking"))
  return reasoningShape({
    control: asString(thinking?.["type"]),
    effort: asString(asObject(members.value("output_config"))?.["effort"]),
    budgetTokens: asCount(thinking?.["budget_tokens"]),
  })
}

function countText(members: BodyMembers): TextCounts {
  const messages = asArray(members.value("messages"))
  let chars = charsIn(members.value("system"))
  for (const message of messages) chars += charsIn(asObject(message)?.["content"])
  return { messages: messages.length, chars }
}

function charsIn(content: unknown): number {
  if (typeof content === "string") return content.length
  let chars = 0
  for (const entry of asArray(content)) {
    const block = asObject(entry) ?? {}
    chars += asString(block["text"])?.length ?? 0
    if (block["type"] === "tool_result") chars += charsIn(block["content"])
  }
  return chars
}
