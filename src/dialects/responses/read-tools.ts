/** Tools, namespaces and the choice among them. */

import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Losses } from "../../canonical/loss.ts"
import type { CustomTool, FunctionTool, Namespace, RawTool, Tool, ToolChoice, ToolRef } from "../../canonical/tool.ts"
import { asObject, asString, type Loose } from "../loose.ts"
import { invalid } from "./read-content.ts"
import { SEARCH_TOOL, searchFunction } from "./vendor-items.ts"
import { booleanOf, objectOf, objectsOf, withoutAbsent, stringOf, unknownFields } from "./wire.ts"

export interface ReadTools {
  readonly tools: readonly Tool[]
  readonly namespaces: readonly Namespace[]
}

/** Collects what the body declares, and then what items inside of the conversation declare (`inline`). */
export class ToolReader {
  readonly #losses: Losses
  readonly #tools: Tool[] = []
  readonly #namespaces = new Map<string, Namespace>()
  readonly #seen = new Set<string>()

  constructor(losses: Losses) {
    this.#losses = losses
  }

  /** The top-level `tools`. Throws `RouterError`. */
  declared(value: JsonValue | undefined): void {
    if (value === undefined || value === null) return
    if (!Array.isArray(value)) throw invalid("tools", "must be a list")
    for (const [index, tool] of (value as readonly JsonValue[]).entries()) {
      if (!isObject(tool)) throw invalid(`tools[${index}]`, "must be a tool")
      this.#add(tool, `tools[${index}]`, false)
    }
  }

  /** Tools of an `additional_tools` or `tool_search_output` item. Vendor tools among them stay in the raw item only. */
  inline(item: JsonObject): void {
    for (const tool of objectsOf(item["tools"])) this.#add(tool, "tools", true)
  }

  result(): ReadTools {
    return { tools: this.#tools, namespaces: [...this.#namespaces.values()] }
  }

  #add(tool: JsonObject, path: string, isInline: boolean): void {
    const name = stringOf(tool["name"]) ?? ""
    if (tool["type"] !== "namespace" || name === "") {
      this.#keep(readTool(tool, null), isInline)
      return
    }
    const description = stringOf(tool["description"])
    if (!this.#namespaces.has(name)) this.#namespaces.set(name, withoutAbsent({ name, description }))
    if (unknownFields(tool, ["type", "name", "description", "tools"]) !== undefined) {
      this.#losses.add("block-field", path)
    }
    for (const member of objectsOf(tool["tools"])) {
      const read = readTool(member, name)
      this.#keep(read.type === "raw" ? { ...read, raw: { ...tool, tools: [member] } } : read, isInline)
    }
  }

  #keep(tool: Tool, isInline: boolean): void {
    if (tool.type === "raw") {
      if (!isInline) this.#tools.push(tool)
      else if (tool.as !== undefined) this.#tools.push({ ...tool, inline: true })
      return
    }
    const key = JSON.stringify([tool.namespace, tool.name])
    if (isInline && this.#seen.has(key)) return
    this.#seen.add(key)
    this.#tools.push(isInline ? { ...tool, inline: true } : tool)
  }
}

const FUNCTION_FIELDS = ["type", "name", "description", "parameters", "strict", "defer_loading"]
const CUSTOM_FIELDS = ["type", "name", "description", "format", "defer_loading"]

/** A tool without a name that needs one is kept raw: the upstream is the one to say so. */
function readTool(tool: JsonObject, namespace: string | null): Tool {
  const name = stringOf(tool["name"]) ?? ""
  if (name === "") return readRawTool(tool)
  if (tool["type"] === "function") return readFunction(tool, { name, namespace })
  return (tool["type"] === "custom" ? readCustom(tool, { name, namespace }) : null) ?? readRawTool(tool)
}

function readFunction(tool: JsonObject, ref: ToolRef): FunctionTool {
  return withoutAbsent({
    type: "function" as const,
    ...ref,
    ...commonFields(tool, FUNCTION_FIELDS),
    schema: objectOf(tool["parameters"]),
    strict: booleanOf(tool["strict"]),
  })
}

/** null: a format of tomorrow. */
function readCustom(tool: JsonObject, ref: ToolRef): CustomTool | null {
  const format = objectOf(tool["format"])
  const isPlain = format === undefined || format["type"] === "text"
  const inner = objectOf(format?.["grammar"]) ?? format
  const [syntax, definition] = [stringOf(inner?.["syntax"]), stringOf(inner?.["definition"])]
  const hasGrammar = format?.["type"] === "grammar" && syntax !== undefined && definition !== undefined
  if (!isPlain && !hasGrammar) return null
  return {
    type: "custom",
    ...ref,
    ...commonFields(tool, CUSTOM_FIELDS),
    ...(hasGrammar ? { grammar: { syntax, definition } } : {}),
  }
}

function commonFields(
  tool: JsonObject,
  known: readonly string[],
): Pick<FunctionTool, "description" | "deferred" | "extra"> {
  const fields = unknownFields(tool, known)
  return withoutAbsent({
    description: stringOf(tool["description"]),
    deferred: tool["defer_loading"] === true ? (true as const) : undefined,
    extra: fields === undefined ? undefined : { dialect: "responses" as const, fields },
  })
}

/** The client runs these itself; a shell only where no container of the provider was asked for. */
const CLIENT_TOOLS: readonly string[] = [
  "local_shell",
  "apply_patch",
  "computer",
  "computer_use_preview",
  "function",
  "custom",
]

function readRawTool(tool: JsonObject): RawTool {
  const vendorType = stringOf(tool["type"]) ?? ""
  const as = searchFunction(tool)
  return {
    type: "raw",
    dialect: "responses",
    ...(as === undefined ? {} : { as }),
    vendorType,
    runs: runsAtClient(tool) ? "client" : "provider",
    name: stringOf(tool["name"]) ?? null,
    raw: tool,
  }
}

export function runsAtClient(tool: Loose): boolean {
  const vendorType = asString(tool["type"]) ?? ""
  if (vendorType === "tool_search") return tool["execution"] === "client"
  if (vendorType !== "shell") return CLIENT_TOOLS.includes(vendorType)
  const environment = asObject(tool["environment"])?.["type"]
  return environment === undefined || environment === "local"
}

/** Throws `RouterError`. */
export function readChoice(choice: JsonValue | undefined): ToolChoice | undefined {
  if (choice === undefined || choice === null) return undefined
  if (choice === "auto" || choice === "none" || choice === "required") return { mode: choice }
  if (!isObject(choice)) throw invalid("tool_choice", "must be auto, none, required or an object")
  const raw: ToolChoice = { mode: "raw", dialect: "responses", raw: choice }
  if (choice["type"] === "allowed_tools") return readAllowed(choice)
  const tool = readRef(choice)
  return tool === null ? raw : { mode: "tool", tool, kind: choice["type"] === "custom" ? "custom" : "function" }
}

function readRef(choice: JsonObject): ToolRef | null {
  const name = stringOf(choice["name"]) ?? ""
  const isOwn = choice["type"] === "function" || choice["type"] === "custom"
  return isOwn && name !== "" ? { name, namespace: stringOf(choice["namespace"]) ?? null } : null
}

function readAllowed(choice: JsonObject): ToolChoice {
  const allowed = objectsOf(choice["tools"])
  const tools = allowed.map(allowedRef).filter((ref) => ref !== null)
  const need = choice["mode"] === "required" ? "required" : "auto"
  const isWhole = allowed.every((tool) => readRef(tool) !== null)
  return { mode: "allowed", need, tools, ...(isWhole ? {} : { raw: { dialect: "responses", choice } }) }
}

/** null: a tool that only this vendor has. */
function allowedRef(tool: JsonObject): ToolRef | null {
  const isSearch = tool["type"] === "tool_search"
  return isSearch ? { name: SEARCH_TOOL, namespace: null } : readRef(tool)
}
