/** Tools and the choice among them, for Anthropic. */

import { INPUT_SCHEMA, wrappedDescription } from "../../canonical/arguments.ts"
import type { ArrangedTools } from "../../canonical/arrange-tools.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Dialect } from "../../canonical/origin.ts"
import { EMPTY_SCHEMA, type CustomTool, type FunctionTool, type Tool, type ToolChoice } from "../../canonical/tool.ts"
import { isList, ownFields } from "./wire.ts"
import type { RequestWriting } from "./write-block.ts"

export function writeTools(
  arranged: ArrangedTools,
  from: Dialect,
  writing: RequestWriting,
): { readonly tools?: readonly JsonObject[]; readonly tool_choice?: JsonObject } {
  if (arranged.tools.length === 0) return {}
  const tools = arranged.tools.map((tool, index) => toolOf(tool, from, writing, `tools[${index}]`))
  const choice = choiceOf(arranged, writing)
  return { tools, ...(choice === null ? {} : { tool_choice: choice }) }
}

function toolOf(tool: Tool, from: Dialect, writing: RequestWriting, path: string): JsonObject {
  if (tool.type === "raw") return tool.raw
  const shape = tool.type === "custom" ? customShape(tool, writing, path) : functionShape(tool, from, writing, path)
  return {
    name: writing.names.wire(tool),
    ...shape,
    ...(tool.deferred === true ? { defer_loading: true } : {}),
    ...ownFields(tool.extra),
    ...writing.cache(tool.cache, path),
  }
}

/** A free-text tool becomes a function of one text. */
function customShape(tool: CustomTool, writing: RequestWriting, path: string): JsonObject {
  if (tool.grammar !== undefined) writing.losses.add("tool-grammar", path)
  return { description: wrappedDescription(tool), input_schema: INPUT_SCHEMA }
}

function functionShape(tool: FunctionTool, from: Dialect, writing: RequestWriting, path: string): JsonObject {
  const schema = tool.schema ?? EMPTY_SCHEMA
  const strict = tool.strict ?? (tool.schema && strictByDefault(tool.schema, from, writing, path))
  return {
    ...(tool.description === undefined ? {} : { description: tool.description }),
    input_schema: schema["type"] === undefined ? { type: "object", ...schema } : schema,
    ...(strict === undefined ? {} : { strict }),
  }
}

/**
 * Responses checks arguments strictly where nothing was said. Anthropic refuses strict schemas with open objects, so
 * only closed ones can be.
 */
function strictByDefault(schema: JsonObject, from: Dialect, writing: RequestWriting, path: string): true | undefined {
  if (from !== "responses" || !writing.facts.strictTools) return undefined
  if (isClosed(schema)) return true
  writing.losses.add("tool-strict", path)
  return undefined
}

function isClosed(schema: JsonValue | undefined): boolean {
  if (isList(schema)) return schema.every(isClosed)
  if (!isObject(schema)) return true
  const isOpen = schema["type"] === "object" && schema["additionalProperties"] !== false
  return !isOpen && Object.values(schema).every(isClosed)
}

/** One call at a time can only be said beside a choice. */
function choiceOf(arranged: ArrangedTools, writing: RequestWriting): JsonObject | null {
  const { choice, parallel } = arranged
  const wire = choice === undefined ? null : unforced(written(choice, writing), writing)
  if (parallel === undefined || wire?.["type"] === "none") return wire
  if (wire === null) return parallel ? null : { type: "auto", disable_parallel_tool_use: true }
  return { ...wire, disable_parallel_tool_use: !parallel }
}

/** Models that always think take no choice that forces a call. https://platform.claude.com/docs/en/models/opus-5-5/migration-guide */
function unforced(wire: JsonObject, { facts, isHome, losses }: RequestWriting): JsonObject {
  const isForced = wire["type"] === "any" || wire["type"] === "tool"
  if (!isForced || facts.forcedToolChoice || isHome) return wire
  losses.add("tool-choice", "toolChoice")
  const { name: _name, ...rest } = wire
  return { ...rest, type: "auto" }
}

function written(choice: ToolChoice, writing: RequestWriting): JsonObject {
  switch (choice.mode) {
    case "auto":
    case "none":
      return { type: choice.mode }
    case "required":
      return { type: "any" }
    case "allowed":
      return { type: choice.need === "required" ? "any" : "auto" }
    case "tool":
      return { type: "tool", name: writing.names.wire(choice.tool) }
    case "raw":
      return choice.raw
  }
}
