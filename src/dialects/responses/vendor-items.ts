/**
 * Items that only this dialect has, as far as the others can be told of them: searches for tools and other tools of the vendor
 * that the client executes, messages between agents, and what belongs to the vendor alone.
 */

import { functionArguments } from "../../canonical/arguments.ts"
import type { RawBlock, ToolCallBlock, ToolResultBlock } from "../../canonical/block.ts"
import type { JsonObject } from "../../canonical/json.ts"
import type { FunctionTool } from "../../canonical/tool.ts"
import { itemKind, objectOf, objectsOf, present, sourceOfUrl, stringOf } from "./wire.ts"

/** The function that stands for the client's own search for tools. */
export const SEARCH_TOOL = "tool_search"

/** undefined: the provider searches, or no schema says how to ask. https://developers.openai.com/api/docs/guides/tools-tool-search */
export function searchFunction(tool: JsonObject): FunctionTool | undefined {
  const schema = objectOf(tool["parameters"])
  if (tool["type"] !== "tool_search" || tool["execution"] !== "client" || schema === undefined) return undefined
  const description = stringOf(tool["description"])
  return present({ type: "function" as const, name: SEARCH_TOOL, namespace: null, description, schema, strict: false })
}

/** An item that is kept as it came, and what the other dialects are given instead. */
export function rawItem(item: JsonObject): RawBlock {
  const { what } = itemKind(item)
  return { type: "raw", dialect: "responses", what, raw: item, text: null, ...standIn(item) }
}

function standIn(item: JsonObject): Partial<Pick<RawBlock, "what" | "as">> {
  switch (item["type"]) {
    case "tool_search_call":
    case "tool_search_output": {
      const as = item["execution"] === "client" ? searchBlock(item) : null
      return as === null ? {} : { as }
    }
    case "agent_message":
      return agentMessage(item)
    default: {
      const as = clientStep(item)
      return as === null ? {} : { as }
    }
  }
}

/** By the type of the call: the name of the tool, and the member that says what the client shall do. */
const CLIENT_STEPS: ReadonlyMap<string, readonly [name: string, members: readonly string[]]> = new Map([
  ["local_shell_call", ["local_shell", ["action"]]],
  ["shell_call", ["shell", ["action"]]],
  ["apply_patch_call", ["apply_patch", ["operation"]]],
  ["computer_call", ["computer", ["action", "actions"]]],
])

/** The client's own step as the call of a function, or its result. Null: it is none, or cannot be paired. */
function clientStep(item: JsonObject): ToolCallBlock | ToolResultBlock | null {
  const { what } = itemKind(item)
  const type = stringOf(item["type"]) ?? ""
  const isResult = what === "client-result" && CLIENT_STEPS.has(type.replace(/_output$/, ""))
  const id = stringOf(item["call_id"]) ?? stringOf(item["id"]) ?? ""
  if (id === "") return null
  if (isResult) return { type: "tool-result", callId: id, kind: "function", isError: false, content: stepResult(item) }
  const step = what === "client-call" ? CLIENT_STEPS.get(type) : undefined
  if (step === undefined) return null
  const [name, members] = step
  const asked = members.map((member) => item[member]).find((value) => value !== undefined && value !== null) ?? {}
  return { type: "tool-call", id, name, namespace: null, kind: "function", arguments: JSON.stringify(asked) }
}

function stepResult({ output, status }: JsonObject): ToolResultBlock["content"] {
  const screenshot = stringOf(objectOf(output)?.["image_url"])
  if (screenshot !== undefined) return [{ type: "image", source: sourceOfUrl(screenshot) }]
  const text = typeof output === "string" ? output : JSON.stringify(output ?? status ?? null)
  return [{ type: "text", text }]
}

function searchBlock(item: JsonObject): ToolCallBlock | ToolResultBlock | null {
  const id = stringOf(item["call_id"]) ?? ""
  if (id === "") return null
  if (item["type"] === "tool_search_output") {
    const content = [{ type: "text", text: foundTools(item) }] as const
    return { type: "tool-result", callId: id, kind: "function", isError: false, content }
  }
  const args = item["arguments"]
  const text = typeof args === "string" ? args : JSON.stringify(args ?? {})
  return {
    type: "tool-call",
    id,
    name: SEARCH_TOOL,
    namespace: null,
    kind: "function",
    arguments: functionArguments(text),
  }
}

/** Their declarations stand among the tools of the request. */
function foundTools(item: JsonObject): string {
  const names = objectsOf(item["tools"]).flatMap((tool) => {
    const name = stringOf(tool["name"]) ?? stringOf(tool["type"]) ?? ""
    const members = objectsOf(tool["tools"]).map((member) => `${name}__${stringOf(member["name"]) ?? ""}`)
    return tool["type"] === "namespace" ? members : [name]
  })
  return names.length === 0 ? "No tool was found." : `These tools can be called from now on: ${names.join(", ")}`
}

/**
 * A message of one agent to another (Codex). Where no model of the vendor encrypted it, the encrypted part is plain text.
 */
function agentMessage(item: JsonObject): Pick<RawBlock, "what" | "as"> {
  const texts = objectsOf(item["content"]).flatMap((part) => {
    const text = stringOf(part["text"]) ?? stringOf(part["encrypted_content"]) ?? ""
    return text === "" ? [] : [text]
  })
  if (texts.some(isEncrypted)) return { what: "bound" }
  if (texts.length === 0) return { what: "content" }
  const [author, recipient] = [stringOf(item["author"]), stringOf(item["recipient"])]
  const from = author === undefined ? "" : ` from ${author}`
  const to = recipient === undefined ? "" : ` to ${recipient}`
  return { what: "content", as: { type: "text", text: `[message${from}${to}]\n${texts.join("\n\n")}` } }
}

/** Long, of the letters of base64 alone, and without a word: no text that a model or a person writes. */
const ENCRYPTED = /^[A-Za-z0-9+/_-]{64,}={0,2}$/

function isEncrypted(text: string): boolean {
  return ENCRYPTED.test(text.trim())
}
