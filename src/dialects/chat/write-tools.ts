/** Tools and the choice among them, from the arranged ones. */

import { INPUT_SCHEMA, wrappedDescription } from "../../canonical/arguments.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { NameTable } from "../../canonical/name-map.ts"
import type { Dialect } from "../../canonical/origin.ts"
import { EMPTY_SCHEMA, type CustomTool, type FunctionTool, type Tool, type ToolChoice } from "../../canonical/tool.ts"
import type { PartWriter } from "./write-part.ts"
import { isList, listOf, markOf, objectOf, ownFields } from "./wire.ts"

export interface ToolWriter extends PartWriter {
  readonly names: NameTable
  readonly from: Dialect
}

export function writeTool(tool: Tool, writer: ToolWriter, path: string): JsonObject {
  if (tool.type === "raw") return tool.raw
  if (tool.cache !== undefined && !writer.isHome) writer.losses.add("cache-mark", path)
  const own = ownFields(tool.extra)
  const mark = tool.cache !== undefined && writer.isHome ? markOf(tool.cache, "cache_control") : {}
  if (tool.type === "function") {
    return { ...own, ...mark, type: "function", function: functionOf(tool, own["function"], writer, path) }
  }
  if (writer.facts.customTools) {
    return { ...own, ...mark, type: "custom", custom: customOf(tool, own["custom"], writer) }
  }
  const { custom: _custom, ...rest } = own
  return { ...rest, ...mark, type: "function", function: wrappedOf(tool, writer, path) }
}

function functionOf(tool: FunctionTool, own: JsonValue | undefined, writer: ToolWriter, path: string): JsonObject {
  const schema = tool.schema ?? (writer.isHome ? undefined : EMPTY_SCHEMA)
  const strict = strictOf(tool, writer, path)
  return {
    ...objectOf(own),
    name: writer.names.wire(tool),
    ...(tool.description === undefined ? {} : { description: tool.description }),
    ...(schema === undefined ? {} : { parameters: schema }),
    ...(strict === undefined ? {} : { strict }),
  }
}

/**
 * Responses means true by silence and mends a schema that does not fit; Chat would refuse it. So true is said where the
 * schema fits as it is, and is a loss where not.
 */
function strictOf(tool: FunctionTool, writer: ToolWriter, path: string): boolean | undefined {
  if (tool.strict !== undefined || writer.from !== "responses") return tool.strict
  if (writer.facts.strictTools && isStrictSchema(tool.schema ?? EMPTY_SCHEMA)) return true
  writer.losses.add("tool-strict", path)
  return undefined
}

/** Every object closed and every property required, at any depth. https://platform.openai.com/docs/guides/structured-outputs */
function isStrictSchema(schema: JsonValue | undefined): boolean {
  if (isList(schema)) return schema.every(isStrictSchema)
  if (!isObject(schema)) return true
  const properties = objectOf(schema["properties"])
  const isObjectSchema = properties !== undefined || schema["type"] === "object"
  const required = new Set(listOf(schema["required"]))
  const names = Object.keys(properties ?? {})
  if (isObjectSchema && (schema["additionalProperties"] !== false || !names.every((name) => required.has(name)))) {
    return false
  }
  const inner = [schema["items"], schema["anyOf"], ...valuesOf(properties), ...valuesOf(objectOf(schema["$defs"]))]
  return inner.every(isStrictSchema)
}

function valuesOf(object: JsonObject | undefined): readonly (JsonValue | undefined)[] {
  return Object.values(object ?? {})
}

function customOf(tool: CustomTool, own: JsonValue | undefined, writer: ToolWriter): JsonObject {
  return {
    ...objectOf(own),
    name: writer.names.wire(tool),
    ...(tool.description === undefined ? {} : { description: tool.description }),
    ...(tool.grammar === undefined ? {} : { format: { type: "grammar", grammar: { ...tool.grammar } } }),
  }
}

/** A function of one string that stands for a custom tool. */
function wrappedOf(tool: CustomTool, writer: ToolWriter, path: string): JsonObject {
  if (tool.grammar !== undefined) writer.losses.add("tool-grammar", path)
  return { name: writer.names.wire(tool), description: wrappedDescription(tool), parameters: INPUT_SCHEMA }
}

export function writeChoice(choice: ToolChoice, writer: ToolWriter): JsonValue {
  switch (choice.mode) {
    case "auto":
    case "none":
    case "required":
      return choice.mode
    case "tool": {
      const name = writer.names.wire(choice.tool)
      const isCustom = choice.kind === "custom" && writer.facts.customTools
      return isCustom ? { type: "custom", custom: { name } } : { type: "function", function: { name } }
    }
    case "allowed":
      return choice.need
    case "raw":
      return choice.raw
  }
}
