/** The shape of a Responses request. */
import { QUOTE } from "../../json/bytes.ts"
import { countTyped, hasTyped, token, valuesUnder } from "../../json/search.ts"
import type { ScannedObject } from "../../json/scan.ts"
import type { BodyMembers } from "../body-members.ts"
import { asArray, asObject, asString, type Loose } from "../loose.ts"
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
import { runsAtClient } from "./read-tools.ts"

export function shapeOf(body: ScannedObject): RequestShape {
  return new ShapeReader(body, RULES)
}

const RULES: ShapeRules = {
  conversation: "input",
  countImages: (input) => countTyped(input, INPUT_IMAGE) + countTyped(input, SCREENSHOT),
  countTools,
  hasToolHistory: (input) => TOOL_ITEMS.some((type) => hasTyped(input, type)),
  hasSeals: (input) => valuesUnder(input, ENCRYPTED).some((at) => input[at] === QUOTE),
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

const INPUT_IMAGE = token("input_image")
const SCREENSHOT = token("computer_screenshot")
const ENCRYPTED = token("encrypted_content")
/** Calls that the client executed, and what they gave. */
const TOOL_ITEMS = [
  "function_call",
  "function_call_output",
  "custom_tool_call",
  "custom_tool_call_output",
  "local_shell_call",
  "local_shell_call_output",
  "shell_call_output",
  "apply_patch_call",
  "apply_patch_call_output",
  "computer_call",
  "computer_call_output",
].map(token)
const ADDITIONAL = token("additional_tools")
const FOUND_TOOLS = token("tool_search_output")

/** Also those that items of the input declare; the input is read for them only where there are such items. */
function countTools(members: BodyMembers): ToolCounts {
  const declared = asArray(members.value("tools"))
  const input = members.bytes("input")
  const inline =
    hasTyped(input, ADDITIONAL) || hasTyped(input, FOUND_TOOLS) ? inlineTools(members.value("input")) : NO_TOOLS
  const all = flattened([...declared, ...inline])
  const client = all.filter((tool) => runsAtClient(tool)).length
  return { client, hosted: all.length - client }
}

const NO_TOOLS: readonly unknown[] = []

function inlineTools(input: unknown): readonly unknown[] {
  return asArray(input).flatMap((item) => {
    const { type, tools } = (asObject(item) ?? {}) as { readonly type?: unknown; readonly tools?: unknown }
    return type === "additional_tools" || type === "tool_search_output" ? asArray(tools) : []
  })
}

/** A namespace is the tools in it. */
function flattened(tools: readonly unknown[]): readonly Loose[] {
  return tools
    .map((tool) => asObject(tool) ?? {})
    .flatMap((tool) =>
      tool["type"] === "namespace" ? asArray(tool["tools"]).map((one) => asObject(one) ?? {}) : [tool],
    )
}

function countText(members: BodyMembers): TextCounts {
  const instructions = asString(members.value("instructions"))?.length ?? 0
  const input = members.value("input")
  if (typeof input === "string") return { messages: 1, chars: instructions + input.length }
  const items = asArray(input)
  let chars = instructions
  for (const item of items) {
    const { content, output } = (asObject(item) ?? {}) as { readonly content?: unknown; readonly output?: unknown }
    chars += typeof item === "string" ? item.length : charsIn(content) + charsIn(output)
  }
  return { messages: items.length, chars }
}

function charsIn(content: unknown): number {
  if (typeof content === "string") return content.length
  return asArray(content).reduce<number>((sum, part) => sum + (asString(asObject(part)?.["text"])?.length ?? 0), 0)
}
