/** Arranged tools and the choice among them as the wire has them. */

import { INPUT_SCHEMA, wrappedDescription } from "../../canonical/arguments.ts"
import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import type { NameTable } from "../../canonical/name-map.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import {
  EMPTY_SCHEMA,
  type CustomTool,
  type FunctionTool,
  type Namespace,
  type Tool,
  type ToolChoice,
  type ToolRef,
} from "../../canonical/tool.ts"

export interface ToolWriter {
  readonly facts: TargetFacts
  readonly names: NameTable
  readonly losses: Losses
  readonly namespaces: readonly Namespace[]
  /** The client speaks this dialect: what it left unsaid means what it means here. */
  readonly isHome: boolean
}

/** Members of a namespace are gathered where its first member stands. */
export function writeTools(tools: readonly Tool[], writer: ToolWriter): readonly JsonObject[] {
  const written: JsonObject[] = []
  const members = new Map<string, JsonObject[]>()
  // the first of a name counts
  const descriptions = new Map(writer.namespaces.toReversed().map(({ name, description }) => [name, description]))
  if (!writer.facts.nameRules.namespaces) declareDescriptions(tools, writer)
  for (const [index, tool] of tools.entries()) {
    const one = writeTool(tool, writer, `tools[${index}]`)
    const namespace = tool.type === "raw" || !writer.facts.nameRules.namespaces ? null : tool.namespace
    if (namespace === null) {
      written.push(one)
      continue
    }
    const known = members.get(namespace)
    if (known !== undefined) {
      known.push(one)
      continue
    }
    const list = [one]
    members.set(namespace, list)
    const description = descriptions.get(namespace) ?? ""
    written.push({ type: "namespace", name: namespace, description, tools: list })
  }
  return written
}

/** Where namespaces are flattened nothing can hold what was said of them. */
function declareDescriptions(tools: readonly Tool[], { namespaces, losses }: ToolWriter): void {
  const written = new Set(tools.map((tool) => (tool.type === "raw" ? null : tool.namespace)))
  for (const [index, { name, description }] of namespaces.entries()) {
    if (description !== undefined && written.has(name)) losses.add("block-field", `namespaces[${index}].description`)
  }
}

function writeTool(tool: Tool, writer: ToolWriter, path: string): JsonObject {
  if (tool.type === "raw") return tool.raw
  if (tool.cache !== undefined) writer.losses.add("cache-mark", path)
  return tool.type === "custom" ? writeCustom(tool, writer, path) : writeFunction(tool, writer)
}

/** Absent `strict` means true here, and false in the other dialects and where the target cannot be strict. */
function writeFunction(tool: FunctionTool, writer: ToolWriter): JsonObject {
  const { isHome, facts } = writer
  const strict = tool.strict ?? (isHome && facts.strictTools ? undefined : false)
  return {
    type: "function",
    name: writer.names.wire(tool),
    ...described(tool),
    parameters: tool.schema ?? (isHome ? null : EMPTY_SCHEMA),
    ...(strict === undefined ? {} : { strict }),
    ...(tool.deferred === true ? { defer_loading: true } : {}),
    ...tool.extra?.fields,
  }
}

function writeCustom(tool: CustomTool, writer: ToolWriter, path: string): JsonObject {
  const name = writer.names.wire(tool)
  if (writer.names.declared(tool)?.wrapped === true) {
    if (tool.grammar !== undefined) writer.losses.add("tool-grammar", path)
    return { type: "function", name, description: wrappedDescription(tool), parameters: INPUT_SCHEMA, strict: false }
  }
  return {
    type: "custom",
    name,
    ...described(tool),
    ...(tool.grammar === undefined ? {} : { format: { type: "grammar", ...tool.grammar } }),
    ...(tool.deferred === true ? { defer_loading: true } : {}),
    ...tool.extra?.fields,
  }
}

function described(tool: FunctionTool | CustomTool): JsonObject {
  return tool.description === undefined ? {} : { description: tool.description }
}

export function writeChoice(choice: ToolChoice, writer: ToolWriter): JsonValue {
  switch (choice.mode) {
    case "tool":
      return writeRef(choice.tool, writer)
    case "allowed":
      return { type: "allowed_tools", mode: choice.need, tools: choice.tools.map((tool) => writeRef(tool, writer)) }
    case "raw":
      return choice.raw
    default:
      return choice.mode
  }
}

function writeRef(ref: ToolRef, writer: ToolWriter): JsonObject {
  const declared = writer.names.declared(ref)
  const isCustom = declared?.kind === "custom" && !declared.wrapped
  const namespace = writer.facts.nameRules.namespaces ? ref.namespace : null
  return {
    type: isCustom ? "custom" : "function",
    name: writer.names.wire(ref),
    ...(namespace === null ? {} : { namespace }),
  }
}
