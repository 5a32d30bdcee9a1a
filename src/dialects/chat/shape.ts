/** The shape of a Chat Completions request. */
import { CLOSE_BRACKET, OPEN_BRACE, OPEN_BRACKET } from "../../json/bytes.ts"
import { countTyped, nextToken, skipSpace, token, valuesUnder } from "../../json/search.ts"
import type { ScannedObject } from "../../json/scan.ts"
import type { BodyMembers } from "../body-members.ts"
import { asArray, asCount, asObject, asString } from "../loose.ts"
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
import type { CallShape, ReasoningShape } from "../shape.ts"

export function shapeOf(body: ScannedObject): RequestShape {
  return new ShapeReader(body, RULES)
}

const RULES: ShapeRules = {
  conversation: "messages",
  countImages,
  countTools,
  hasToolHistory,
  hasSeals,
  toolChoice,
  structuredOutput: (members) => isStructured(members.value("response_format")),
  reasoning,
  countText,
}

const IMAGE_URL = token("image_url")
const INPUT_IMAGE = token("input_image")

/** By the type that each part names; a list of some servers' own, `input_image`, counts too. */
function countImages(messages: Buffer): number {
  return countTyped(messages, IMAGE_URL) + countTyped(messages, INPUT_IMAGE)
}

function countTools(members: BodyMembers): ToolCounts {
  const types = asArray(members.value("tools")).map((tool) => asString(asObject(tool)?.["type"]) ?? "function")
  const client = types.filter((type) => type === "function" || type === "custom").length
  const hosted = types.length - client + (members.isSet("web_search_options") ? 1 : 0)
  return { client: client + asArray(members.value("functions")).length, hosted }
}

const RESULT_ID = token("tool_call_id")
const CALLS = token("tool_calls")
const LEGACY_CALL = token("function_call")

/** Clients print `tool_calls: null` and `[]` into messages without any. */
function hasToolHistory(messages: Buffer): boolean {
  return (
    nextToken(messages, RESULT_ID, 0) >= 0 ||
    valuesUnder(messages, CALLS).some((at) => isFilledList(messages, at)) ||
    valuesUnder(messages, LEGACY_CALL).some((at) => messages[at] === OPEN_BRACE)
  )
}

function isFilledList(json: Buffer, at: number): boolean {
  return json[at] === OPEN_BRACKET && json[skipSpace(json, at + 1)] !== CLOSE_BRACKET
}

const DETAILS = token("reasoning_details")

function hasSeals(messages: Buffer): boolean {
  return valuesUnder(messages, DETAILS).some((at) => isFilledList(messages, at))
}

function toolChoice(members: BodyMembers): CallShape["toolChoice"] {
  const key = members.has("tool_choice") ? "tool_choice" : "function_call"
  return toolChoiceShape(members.value(key), () => null)
}

function reasoning(members: BodyMembers): ReasoningShape {
  const said = asObject(members.value("reasoning"))
  const thinking = asObject(members.value("thinking"))
  const isOn = said?.["enabled"]
  const control = asString(thinking?.["type"]) ?? (isOn === true ? "enabled" : isOn === false ? "disabled" : null)
  return reasoningShape({
    control,
    effort: asString(members.value("reasoning_effort")) ?? asString(said?.["effort"]),
    budgetTokens: asCount(said?.["max_tokens"]) ?? asCount(thinking?.["budget_tokens"]),
  })
}

function countText(members: BodyMembers): TextCounts {
  const messages = asArray(members.value("messages"))
  let chars = 0
  for (const message of messages) chars += charsIn(asObject(message)?.["content"])
  return { messages: messages.length, chars }
}

function charsIn(content: unknown): number {
  if (typeof content === "string") return content.length
  return asArray(content).reduce<number>((sum, part) => sum + (asString(asObject(part)?.["text"])?.length ?? 0), 0)
}
