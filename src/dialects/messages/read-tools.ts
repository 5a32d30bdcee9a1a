/** Tools and the choice among them: https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview */

import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Request } from "../../canonical/request.ts"
import type { FunctionTool, RawTool, Tool, ToolChoice } from "../../canonical/tool.ts"
import { RouterError } from "../../errors.ts"
import { cacheOf, DIALECT, extraOf, isAbsent, isList, restOf, textField } from "./wire.ts"

const TOOL_KEYS: ReadonlySet<string> = new Set([
  "type",
  "name",
  "description",
  "input_schema",
  "strict",
  "defer_loading",
  "cache_control",
])

/** Defined by Anthropic without a schema, executed by the client. All other types run at Anthropic. */
export const CLIENT_TYPES: RegExp = /^(?:bash|text_editor|computer|memory|computer_toolset|browser_toolset)_\d/

export function readTools(value: JsonValue | undefined): readonly Tool[] {
  if (isAbsent(value)) return []
  if (!isList(value)) throw invalid("tools", "`tools` is not a list.")
  return value.map((tool, index) => {
    if (!isObject(tool)) throw invalid(`tools[${index}]`, "A tool is not an object.")
    return toolOf(tool, index)
  })
}

function toolOf(value: JsonObject, index: number): Tool {
  const type = textField(value, "type") ?? "custom"
  return type === "custom" ? functionOf(value, index) : rawTool(value, type)
}

function functionOf(value: JsonObject, index: number): FunctionTool {
  const name = textField(value, "name") ?? ""
  if (name === "") throw invalid(`tools[${index}].name`, "A tool has no name.")
  const description = textField(value, "description")
  const schema = value["input_schema"]
  return {
    type: "function",
    name,
    namespace: null,
    ...(description === null ? {} : { description }),
    ...(isObject(schema) ? { schema } : {}),
    ...(typeof value["strict"] === "boolean" ? { strict: value["strict"] } : {}),
    ...(value["defer_loading"] === true ? { deferred: true } : {}),
    ...cacheOf(value),
    ...extraOf(withoutDefaults(value), TOOL_KEYS),
  }
}

/** Left out: the wishes that ask for what happens anyway. */
function withoutDefaults(value: JsonObject): JsonObject {
  const { allowed_callers: callers, eager_input_streaming: eager, ...rest } = value
  const isDirect = isList(callers) && callers.length === 1 && callers[0] === "direct"
  return {
    ...rest,
    ...(isDirect ? {} : { allowed_callers: callers }),
    ...(eager === false ? {} : { eager_input_streaming: eager }),
  }
}

function rawTool(value: JsonObject, type: string): RawTool {
  return {
    type: "raw",
    dialect: DIALECT,
    vendorType: type,
    runs: CLIENT_TYPES.test(type) ? "client" : "provider",
    name: textField(value, "name"),
    raw: value,
  }
}

/** A choice of a tool that Anthropic defines stays raw: no other dialect could make it. */
export function readChoice(
  value: JsonValue | undefined,
  tools: readonly Tool[],
): Pick<Request, "toolChoice" | "parallelToolCalls"> {
  if (isAbsent(value)) return {}
  if (!isObject(value)) throw invalid("tool_choice", "`tool_choice` is not an object.")
  const disabled = value["disable_parallel_tool_use"]
  const parallel = typeof disabled === "boolean" ? { parallelToolCalls: !disabled } : {}
  return { toolChoice: choiceOf(value, tools), ...parallel }
}

const PARALLEL: ReadonlySet<string> = new Set(["disable_parallel_tool_use"])

function choiceOf(value: JsonObject, tools: readonly Tool[]): ToolChoice {
  const type = value["type"]
  if (type === "auto" || type === "none") return { mode: type }
  if (type === "any") return { mode: "required" }
  const name = textField(value, "name")
  const isVendors = tools.some((tool) => tool.type === "raw" && tool.name === name)
  if (type !== "tool" || name === null || isVendors) {
    return { mode: "raw", dialect: DIALECT, raw: restOf(value, PARALLEL) }
  }
  return { mode: "tool", tool: { name, namespace: null }, kind: "function" }
}

export function invalid(param: string, message: string): RouterError {
  return new RouterError("invalid-request", param === "" ? { message } : { param, message })
}
