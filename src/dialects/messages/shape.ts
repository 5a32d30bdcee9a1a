/** The shape of a Messages request. */
import type { ScannedObject } from "../../json/scan.ts"
import { KEY, TYPE } from "../../json/watched-names.ts"
import type { BodyMembers } from "../body-members.ts"
import type { FileRules, Place } from "../files.ts"
import { asArray, asCount, asObject, asString, type Loose } from "../loose.ts"
import {
  isStructured,
  reasoningShape,
  ShapeReader,
  toolChoiceShape,
  type BodyShape,
  type ShapeRules,
} from "../shape-reader.ts"
import type { ReasoningShape } from "../shape.ts"
import { AT_CLIENT, countElements, HOSTED, type ToolCounts } from "../tool-counts.ts"
import { CLIENT_TYPES } from "./read-tools.ts"

export function shapeOf(body: ScannedObject): BodyShape {
  return new ShapeReader(body, RULES)
}

function sourceOf(holds: Place["holds"]): readonly Place[] {
  return [
    { key: "source", inner: "data", holds, isOnlyData: true },
    { key: "source", inner: "url", holds: "url" },
  ]
}

const FILES: FileRules = {
  images: new Set(["image"]),
  places: new Map([
    ["image", sourceOf("media")],
    ["document", sourceOf("file")],
  ]),
  // of messages, tool results, and documents that are made of blocks
  inside: new Set(["content"]),
  beside: [],
  // arguments of tools may hold whatever looks like a block
  free: new Set(["input"]),
  isFree: (type) => type?.endsWith("tool_use") === true,
}

const RULES: ShapeRules = {
  conversation: "messages",
  files: FILES,
  toolHistory: TYPE.toolBlock,
  seals: TYPE.redacted | KEY.signature,
  countTools,
  toolChoice: (members) =>
    toolChoiceShape(members.value("tool_choice"), (choice) => asString((choice as Loose)["type"])),
  structuredOutput: (members) =>
    isStructured(asObject(members.value("output_config"))?.["format"]) || isStructured(members.value("output_format")),
  reasoning,
  countText,
}

function countTools(members: BodyMembers): ToolCounts {
  const { client, hosted } = countElements(members.body, members.all(["tools"]), (type) =>
    type === null || type === "custom" || CLIENT_TYPES.test(type) ? AT_CLIENT : HOSTED,
  )
  return { client, hosted: hosted + asArray(members.value("mcp_servers")).length }
}

function reasoning(members: BodyMembers): ReasoningShape {
  const thinking = asObject(members.value("thinking"))
  return reasoningShape({
    control: asString(thinking?.["type"]),
    effort: asString(asObject(members.value("output_config"))?.["effort"]),
    budgetTokens: asCount(thinking?.["budget_tokens"]),
  })
}

function countText(members: BodyMembers): number {
  const messages = asArray(members.value("messages"))
  let chars = charsIn(members.value("system"))
  for (const message of messages) chars += charsIn(asObject(message)?.["content"])
  return chars
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
