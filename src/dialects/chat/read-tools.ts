/** Tools and the choice among them, in the present form and in the older one of `functions`. */

import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import type { Tool, ToolChoice, ToolRef } from "../../canonical/tool.ts"
import { cacheOf, extraOf, invalid, isAbsent, isList, listOf, objectOf, restOf, stringOf, wordsOf } from "./wire.ts"

export function readTools(body: JsonObject): readonly Tool[] {
  return [
    ...toolList(body["tools"], "tools").map((tool, index) => readTool(tool, `tools[${index}]`)),
    ...toolList(body["functions"], "functions").map((tool, index) => functionTool({}, tool, `functions[${index}]`)),
  ]
}

function toolList(value: JsonValue | undefined, param: string): readonly JsonObject[] {
  if (isAbsent(value)) return []
  if (!isList(value)) throw invalid(param, "a list")
  return value.map((one, index) => {
    const tool = objectOf(one)
    if (tool === undefined) throw invalid(`${param}[${index}]`, "an object")
    return tool
  })
}

function readTool(tool: JsonObject, param: string): Tool {
  const declared = objectOf(tool["function"])
  const type = wordsOf(tool["type"]) ?? (declared === undefined ? undefined : "function")
  if (type === undefined) throw invalid(`${param}.type`, "a string that is not empty")
  if (type === "function") return functionTool(tool, declared, `${param}.function`)
  if (type === "custom") return customTool(tool, objectOf(tool["custom"]), `${param}.custom`)
  const name =
    wordsOf(tool["name"]) ?? wordsOf(objectOf(Object.hasOwn(tool, type) ? tool[type] : undefined)?.["name"]) ?? null
  return { type: "raw", dialect: "chat", vendorType: type, runs: "provider", name, raw: tool }
}

const TOOL_KEYS: ReadonlySet<string> = new Set(["type", "function", "custom", "cache_control"])
const FUNCTION_KEYS: ReadonlySet<string> = new Set(["name", "description", "parameters", "strict"])
const CUSTOM_KEYS: ReadonlySet<string> = new Set(["name", "description", "format"])

type Common = Pick<Exclude<Tool, { type: "raw" }>, "name" | "namespace" | "description" | "cache" | "extra">

function common(
  tool: JsonObject,
  inner: JsonObject | undefined,
  known: ReadonlySet<string>,
  place: "function" | "custom",
  param: string,
): Common {
  const name = wordsOf(inner?.["name"])
  if (inner === undefined || name === undefined) throw invalid(`${param}.name`, "a string that is not empty")
  const description = stringOf(inner["description"])
  const cache = cacheOf(tool["cache_control"])
  const innerRest = restOf(inner, known)
  const rest = restOf(tool, TOOL_KEYS)
  return {
    name,
    namespace: null,
    ...(description === undefined ? {} : { description }),
    ...(cache === undefined ? {} : { cache }),
    ...extraOf(innerRest === undefined ? rest : { ...rest, [place]: innerRest }),
  }
}

function functionTool(tool: JsonObject, inner: JsonObject | undefined, param: string): Tool {
  const schema = objectOf(inner?.["parameters"])
  const strict = inner?.["strict"]
  return {
    type: "function",
    ...common(tool, inner, FUNCTION_KEYS, "function", param),
    ...(schema === undefined ? {} : { schema }),
    ...(typeof strict === "boolean" ? { strict } : {}),
  }
}

function customTool(tool: JsonObject, inner: JsonObject | undefined, param: string): Tool {
  const grammar = objectOf(objectOf(inner?.["format"])?.["grammar"])
  const syntax = stringOf(grammar?.["syntax"])
  const definition = stringOf(grammar?.["definition"])
  return {
    type: "custom",
    ...common(tool, inner, CUSTOM_KEYS, "custom", param),
    ...(syntax === undefined || definition === undefined ? {} : { grammar: { syntax, definition } }),
  }
}

const WORDS: Readonly<Record<string, ToolChoice>> = {
  auto: { mode: "auto" },
  none: { mode: "none" },
  required: { mode: "required" },
  // Mistral's word.
  any: { mode: "required" },
}

export function readChoice(body: JsonObject): ToolChoice | undefined {
  const { tool_choice: choice, function_call: legacy } = body
  if (!isAbsent(choice)) return choiceOf(choice, "tool_choice")
  if (isAbsent(legacy)) return undefined
  const name = wordsOf(objectOf(legacy)?.["name"])
  return name === undefined ? choiceOf(legacy, "function_call") : oneTool(name, "function")
}

function choiceOf(choice: JsonValue, param: string): ToolChoice {
  if (typeof choice === "string") {
    const word = Object.hasOwn(WORDS, choice) ? WORDS[choice] : undefined
    if (word === undefined) throw invalid(param, "none, auto, required or an object")
    return word
  }
  const object = objectOf(choice)
  if (object === undefined) throw invalid(param, "none, auto, required or an object")
  return allowedTools(object) ?? namedTool(object) ?? { mode: "raw", dialect: "chat", raw: object }
}

function namedTool(choice: JsonObject): ToolChoice | undefined {
  const ref = refOf(choice)
  return ref === undefined ? undefined : oneTool(ref.name, choice["type"] === "custom" ? "custom" : "function")
}

function oneTool(name: string, kind: "function" | "custom"): ToolChoice {
  return { mode: "tool", tool: { name, namespace: null }, kind }
}

function refOf(choice: JsonObject | undefined): ToolRef | undefined {
  const name = wordsOf(objectOf(choice?.["function"])?.["name"]) ?? wordsOf(objectOf(choice?.["custom"])?.["name"])
  return name === undefined ? undefined : { name, namespace: null }
}

function allowedTools(choice: JsonObject): ToolChoice | undefined {
  const allowed = objectOf(choice["allowed_tools"])
  if (choice["type"] !== "allowed_tools" || allowed === undefined) return undefined
  const need = allowed["mode"] === "required" ? "required" : "auto"
  const tools = listOf(allowed["tools"]).map((tool) => refOf(objectOf(tool)))
  return { mode: "allowed", need, tools: tools.filter((tool) => tool !== undefined) }
}
