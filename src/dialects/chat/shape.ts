/** The shape of a Chat Completions request. */
import type { ScannedObject } from "../../json/scan.ts"
import { KEY } from "../../json/watched-names.ts"
import type { BodyMembers } from "../body-members.ts"
import type { FileRules, Place } from "../files.ts"
import { asArray, asCount, asObject, asString } from "../loose.ts"
import {
  isStructured,
  reasoningShape,
  ShapeReader,
  toolChoiceShape,
  type BodyShape,
  type ShapeRules,
} from "../shape-reader.ts"
import type { CallShape, ReasoningShape } from "../shape.ts"
import { AT_CLIENT, countElements, HOSTED, type ToolCounts } from "../tool-counts.ts"

export function shapeOf(body: ScannedObject): BodyShape {
  return new ShapeReader(body, RULES)
}

/** An address, alone or in an object. */
function addressIn(key: string): readonly Place[] {
  return [
    { key, inner: "url", holds: "url" },
    { key, inner: null, holds: "url" },
  ]
}

const FILES: FileRules = {
  images: new Set(["image_url"]),
  places: new Map([
    ...["image_url", "video_url", "audio_url", "document_url"].map((key) => [key, addressIn(key)] as const),
    ["input_audio", [{ key: "input_audio", inner: "data", holds: "media" }]],
    ["file", [{ key: "file", inner: "file_data", holds: "file" }]],
  ]),
  // some gateways hand out made images beside the content
  inside: new Set(["content", "images"]),
  beside: [],
  free: new Set(),
  isFree: () => false,
}

const RULES: ShapeRules = {
  conversation: "messages",
  files: FILES,
  // clients print `tool_calls: null` and `[]` into messages without any
  toolHistory: KEY.toolCalls,
  seals: KEY.details,
  countTools,
  toolChoice,
  structuredOutput: (members) => isStructured(members.value("response_format")),
  reasoning,
  countText,
}

function countTools(members: BodyMembers): ToolCounts {
  const { client, hosted } = countElements(members.body, members.all(["tools"]), (type) =>
    type === null || type === "function" || type === "custom" ? AT_CLIENT : HOSTED,
  )
  const functions = asArray(members.value("functions")).length
  return { client: client + functions, hosted: hosted + (members.isSet("web_search_options") ? 1 : 0) }
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

function countText(members: BodyMembers): number {
  const messages = asArray(members.value("messages"))
  let chars = 0
  for (const message of messages) chars += charsIn(asObject(message)?.["content"])
  return chars
}

function charsIn(content: unknown): number {
  if (typeof content === "string") return content.length
  return asArray(content).reduce<number>((sum, part) => sum + (asString(asObject(part)?.["text"])?.length ?? 0), 0)
}
