/** The shape of a Responses request. */
import type { ScannedObject } from "../../json/scan.ts"
import { KEY, TYPE } from "../../json/watched-names.ts"
import type { BodyMembers } from "../body-members.ts"
import type { FileRules, Place } from "../files.ts"
import { asArray, asObject, asString } from "../loose.ts"
import {
  isStructured,
  reasoningShape,
  ShapeReader,
  toolChoiceShape,
  type BodyShape,
  type ShapeRules,
} from "../shape-reader.ts"
import { AT_CLIENT, countElements, HOSTED, NO_TOOLS, type ToolCounts } from "../tool-counts.ts"
import { runsAtClient } from "./read-tools.ts"

export function shapeOf(body: ScannedObject): BodyShape {
  return new ShapeReader(body, RULES)
}

const IMAGE: readonly Place[] = [
  { key: "image_url", inner: null, holds: "url" },
  { key: "image_url", inner: "url", holds: "url" },
]

const FILES: FileRules = {
  images: new Set(["input_image", "computer_screenshot"]),
  places: new Map<string, readonly Place[]>([
    ["input_image", IMAGE],
    ["computer_screenshot", IMAGE],
    [
      "input_file",
      [
        { key: "file_data", inner: null, holds: "file" },
        { key: "file_url", inner: null, holds: "url" },
      ],
    ],
    ["input_audio", [{ key: "input_audio", inner: "data", holds: "media" }]],
    ["input_video", [{ key: "video_url", inner: null, holds: "url" }]],
    ["image_generation_call", [{ key: "result", inner: null, holds: "media", isOnlyData: true }]],
    ["image_generation", [{ key: "input_image_mask", inner: "image_url", holds: "url" }]],
  ]),
  inside: new Set(["content", "output"]),
  // a tool's mask, what a stored prompt is filled with, and instructions as some servers take them: as items
  beside: ["tools", "prompt", "instructions"],
  // arguments and schemas
  free: new Set(["arguments", "action", "tools"]),
  isFree: (type) => type !== null && type !== "message",
}

const RULES: ShapeRules = {
  conversation: "input",
  files: FILES,
  // of calls that the client executed, and of what they gave
  toolHistory: KEY.callId,
  seals: KEY.encrypted,
  countTools,
  toolChoice: (members) => toolChoiceShape(members.value("tool_choice"), () => null),
  structuredOutput: (members) => isStructured(asObject(members.value("text"))?.["format"]),
  reasoning: (members) =>
    reasoningShape({
      control: null,
      effort: asString(asObject(members.value("reasoning"))?.["effort"]),
      budgetTokens: null,
    }),
  countText,
}

/** Also those that items of the input declare. */
function countTools(members: BodyMembers): ToolCounts {
  const { body } = members
  const declared = countElements(body, members.all(["tools"]), countTool)
  if ((members.names("input") & TYPE.inlineTools) === 0) return declared
  const inline = countElements(body, members.all(["input"]), (type, read) =>
    type === "additional_tools" || type === "tool_search_output" ? sumOf(asObject(read())?.["tools"]) : NO_TOOLS,
  )
  return { client: declared.client + inline.client, hosted: declared.hosted + inline.hosted }
}

/** Where these run, or what is in them, stands beside the type. */
const SAYS_MORE: ReadonlySet<string> = new Set(["namespace", "shell", "tool_search"])

function countTool(type: string | null, read: () => unknown): ToolCounts {
  if (type === "function" || type === "custom") return AT_CLIENT
  const tool = type === null || SAYS_MORE.has(type) ? (asObject(read()) ?? {}) : { type }
  // a namespace is the tools in it
  if (type === "namespace") return sumOf(tool["tools"])
  return runsAtClient(tool) ? AT_CLIENT : HOSTED
}

function sumOf(tools: unknown): ToolCounts {
  let [client, hosted] = [0, 0]
  for (const value of asArray(tools)) {
    const tool = asObject(value) ?? {}
    const counts = countTool(asString(tool["type"]), () => tool)
    client += counts.client
    hosted += counts.hosted
  }
  return { client, hosted }
}

function countText(members: BodyMembers): number {
  const instructions = asString(members.value("instructions"))?.length ?? 0
  const input = members.value("input")
  if (typeof input === "string") return instructions + input.length
  const items = asArray(input)
  let chars = instructions
  for (const item of items) {
    const { content, output } = (asObject(item) ?? {}) as { readonly content?: unknown; readonly output?: unknown }
    chars += typeof item === "string" ? item.length : charsIn(content) + charsIn(output)
  }
  return chars
}

function charsIn(content: unknown): number {
  if (typeof content === "string") return content.length
  return asArray(content).reduce<number>((sum, part) => sum + (asString(asObject(part)?.["text"])?.length ?? 0), 0)
}
