import type { DemoMessage, DemoRequest, DemoRole, DemoTool } from "./exchange.ts"
import * as checks from "./openai-checks.ts"
import { VendorError } from "./vendor-error.ts"
import { isRecord, showValue, type WireObject as Body } from "./wire-value.ts"

export interface ChatRequest extends DemoRequest {
  readonly choices: number
  readonly includeUsage: boolean
}

/** Reads a body of `POST /v1/chat/completions`. @throws {VendorError} */
export function readChatRequest(body: Body, models: ReadonlySet<string>): ChatRequest {
  const model = checks.modelOf(body, models)
  const stream = checks.streamOf(body)
  checks.checkNumber(body, "temperature", 0, 2)
  checks.checkNumber(body, "top_p", 0, 1)
  const tools = toolsOf(body)
  return {
    dialect: "OpenAI Chat Completions",
    model,
    stream,
    messages: messagesOf(body),
    tools,
    toolChoice: checks.toolChoiceOf(body, tools, functionName),
    parallelToolCalls: body["parallel_tool_calls"] !== false,
    format: checks.formatOf(body["response_format"], schemaOf, "response_format"),
    maxOutputTokens: outputCapOf(body),
    stopSequences: stopSequencesOf(body["stop"]),
    reasoning: typeof body["reasoning_effort"] === "string" && body["reasoning_effort"] !== "none",
    promptCache: "automatic",
    choices: checks.integerOf(body, "n", 1, 128) ?? 1,
    includeUsage: isRecord(body["stream_options"]) && body["stream_options"]["include_usage"] === true,
  }
}

function functionName(choice: Body): unknown {
  return isRecord(choice["function"]) ? choice["function"]["name"] : undefined
}

function schemaOf(format: Body): unknown {
  return isRecord(format["json_schema"]) ? format["json_schema"]["schema"] : undefined
}

function outputCapOf(body: Body): number | null {
  const old = checks.integerOf(body, "max_tokens", 1)
  const current = checks.integerOf(body, "max_completion_tokens", 1)
  if (old !== null && current !== null) {
    const message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
    throw new VendorError({ status: 400, message, code: "invalid_parameter_combination" })
  }
  return current ?? old
}

function stopSequencesOf(stop: unknown): readonly string[] {
  if (typeof stop === "string") return [stop]
  const sequences = checks.arrayOf(stop, "stop").filter((one) => typeof one === "string")
  if (sequences.length <= 4) return sequences
  throw checks.invalidValue("stop", "Invalid 'stop': array too long. Expected an array with maximum length 4.")
}

function toolsOf(body: Body): readonly DemoTool[] {
  return checks.arrayOf(body["tools"], "tools").flatMap((tool, index) => {
    if (!isRecord(tool)) throw checks.wrongType(`tools[${index}]`, "an object")
    if (tool["type"] !== "function") return []
    if (!isRecord(tool["function"])) throw checks.missingError(`tools[${index}].function`)
    return [checks.toolOf(tool["function"], "function", `tools[${index}].function`)]
  })
}

const ROLES: ReadonlyMap<string, DemoRole> = new Map<string, DemoRole>(
  Object.entries({
    system: "system",
    developer: "system",
    user: "user",
    assistant: "assistant",
    tool: "tool",
    function: "tool",
  } as const),
)

function messagesOf(body: Body): readonly DemoMessage[] {
  if (body["messages"] === undefined) throw checks.missingError("messages")
  const messages = checks.arrayOf(body["messages"], "messages")
  if (messages.length === 0) {
    const message =
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."
    throw new VendorError({ status: 400, message, code: "empty_array", param: "messages" })
  }
  const openCalls = new Set<unknown>()
  return messages.map((message, index) => {
    if (!isRecord(message)) throw checks.wrongType(`messages[${index}]`, "an object")
    checkToolCalls(message, index, openCalls)
    return messageOf(message, index)
  })
}

function messageOf(message: Body, index: number): DemoMessage {
  const param = `messages[${index}]`
  if (message["role"] === undefined) throw checks.missingError(`${param}.role`)
  const role = ROLES.get(showValue(message["role"]))
  if (role === undefined) {
    const supported = "'system', 'assistant', 'user', 'function', 'tool', and 'developer'"
    throw checks.invalidValue(
      `${param}.role`,
      `Invalid value: '${showValue(message["role"])}'. Supported values are: ${supported}.`,
    )
  }
  const content = message["content"]
  if (content === undefined && role !== "assistant") throw checks.missingError(`${param}.content`)
  const calls = JSON.stringify(message["tool_calls"] ?? "")
  return {
    role,
    ...contentOf(content, `${param}.content`),
    ...(role === "assistant" ? { text: textOf(content) + calls } : {}),
  }
}

function contentOf(content: unknown, param: string): Pick<DemoMessage, "text" | "images"> {
  if (content === undefined || content === null) return { text: "", images: 0 }
  if (typeof content === "string") return { text: content, images: 0 }
  if (!Array.isArray(content))
    throw checks.invalidValue(param, `Invalid type for '${param}': expected one of a string or array of objects.`)
  return {
    text: textOf(content),
    images: content.filter((part) => isRecord(part) && part["type"] === "image_url").length,
  }
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content
  if (!Array.isArray(content)) return ""
  const texts = content.map((part: unknown) => (isRecord(part) && typeof part["text"] === "string" ? part["text"] : ""))
  return texts.filter((text) => text !== "").join("\n")
}

/** Every tool message answers a call of the assistant message before it, and no call stays without an answer. */
function checkToolCalls(message: Body, index: number, open: Set<unknown>): void {
  if (message["role"] === "tool") {
    if (open.delete(message["tool_call_id"])) return
    const wanted = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'."
    throw checks.invalidValue(`messages.[${index}].role`, `Invalid parameter: ${wanted}`)
  }
  if (open.size > 0) {
    const ids = [...open].map(String).join(", ")
    const rule =
      "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
    throw checks.invalidValue(
      `messages.[${index}].role`,
      `${rule} The following tool_call_ids did not have response messages: ${ids}`,
    )
  }
  for (const call of checks.arrayOf(message["tool_calls"], `messages[${index}].tool_calls`)) {
    if (isRecord(call)) open.add(call["id"])
  }
}
