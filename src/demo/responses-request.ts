import type { DemoMessage, DemoRequest, DemoRole, DemoTool } from "./exchange.ts"
import * as checks from "./openai-checks.ts"
import { VendorError } from "./vendor-error.ts"
import { isRecord, showValue, type WireObject as Body } from "./wire-value.ts"

export interface ResponsesRequest extends DemoRequest {
  /** What a response object repeats of its request. */
  readonly echo: Body
  readonly summary: boolean
  readonly encryptedReasoning: boolean
}

const SMALLEST_CAP = 16

/** Reads a body of `POST /v1/responses`. The demo keeps no conversations. @throws {VendorError} */
export function readResponsesRequest(body: Body, models: ReadonlySet<string>): ResponsesRequest {
  const model = checks.modelOf(body, models)
  const stream = checks.streamOf(body)
  checks.checkNumber(body, "temperature", 0, 2)
  checks.checkNumber(body, "top_p", 0, 1)
  refuseState(body)
  const messages = messagesOf(body)
  const tools = [...toolsOf(body["tools"], "tools"), ...additionalToolsOf(body["input"])]
  const reasoning = isRecord(body["reasoning"]) ? body["reasoning"] : {}
  const text = isRecord(body["text"]) ? body["text"] : {}
  return {
    dialect: "OpenAI Responses",
    model,
    stream,
    messages,
    tools,
    toolChoice: checks.toolChoiceOf(body, tools, (choice) => choice["name"] ?? choice["type"]),
    parallelToolCalls: body["parallel_tool_calls"] !== false,
    format: checks.formatOf(text["format"], (format) => format["schema"], "text.format"),
    maxOutputTokens: checks.integerOf(body, "max_output_tokens", SMALLEST_CAP),
    stopSequences: [],
    reasoning: typeof reasoning["effort"] === "string" && reasoning["effort"] !== "none",
    promptCache: "automatic",
    echo: body,
    summary: typeof reasoning["summary"] === "string",
    encryptedReasoning: checks.arrayOf(body["include"], "include").includes("reasoning.encrypted_content"),
  }
}

function refuseState(body: Body): void {
  const previous = body["previous_response_id"] ?? null
  if (previous !== null) {
    const message = `Previous response with id '${showValue(previous)}' not found.`
    throw new VendorError({ status: 400, message, code: "previous_response_not_found", param: "previous_response_id" })
  }
  if (body["background"] === true || (body["conversation"] ?? null) !== null) {
    const param = body["background"] === true ? "background" : "conversation"
    throw checks.invalidValue(param, `The demo provider keeps no state: '${param}' is not supported.`)
  }
}

function toolsOf(tools: unknown, param: string): readonly DemoTool[] {
  return checks.arrayOf(tools, param).flatMap((tool, index) => {
    if (!isRecord(tool)) throw checks.wrongType(`${param}[${index}]`, "an object")
    if (tool["type"] === undefined) throw checks.missingError(`${param}[${index}].type`)
    if (tool["type"] !== "function" && tool["type"] !== "custom") return []
    return [checks.toolOf(tool, tool["type"], `${param}[${index}]`)]
  })
}

/** Some clients send their tools as an input item. */
function additionalToolsOf(input: unknown): readonly DemoTool[] {
  if (!Array.isArray(input)) return []
  return input.flatMap((item: unknown, index) =>
    isRecord(item) && item["type"] === "additional_tools" ? toolsOf(item["tools"], `input[${index}].tools`) : [],
  )
}

function messagesOf(body: Body): readonly DemoMessage[] {
  const instructions: readonly DemoMessage[] =
    typeof body["instructions"] === "string" ? [{ role: "system", text: body["instructions"], images: 0 }] : []
  const input = body["input"]
  if (input === undefined || input === null) throw checks.missingError("input")
  if (typeof input === "string") return [...instructions, { role: "user", text: input, images: 0 }]
  if (!Array.isArray(input)) throw checks.wrongType("input", "one of a string or an array of input items")
  const callIds = new Set<unknown>()
  return [...instructions, ...input.flatMap((item: unknown, index) => messageOf(item, `input[${index}]`, callIds))]
}

function messageOf(item: unknown, param: string, callIds: Set<unknown>): readonly DemoMessage[] {
  if (!isRecord(item)) throw checks.wrongType(param, "an input item")
  switch (item["type"] ?? "message") {
    case "message":
      return [{ role: roleOf(item, param), ...contentOf(item["content"], `${param}.content`) }]
    case "function_call":
    case "custom_tool_call":
      callIds.add(item["call_id"])
      return [
        { role: "assistant", text: JSON.stringify([item["name"], item["arguments"] ?? item["input"]]), images: 0 },
      ]
    case "function_call_output":
    case "custom_tool_call_output": {
      if (!callIds.has(item["call_id"])) {
        throw checks.invalidValue(
          param,
          `No tool call found for function call output with call_id ${showValue(item["call_id"])}.`,
        )
      }
      return [{ role: "tool", ...contentOf(item["output"], `${param}.output`) }]
    }
    default:
      return []
  }
}

const ROLES: ReadonlyMap<string, DemoRole> = new Map<string, DemoRole>(
  Object.entries({
    system: "system",
    developer: "system",
    user: "user",
    assistant: "assistant",
  } as const),
)

function roleOf(item: Body, param: string): DemoRole {
  const role = ROLES.get(showValue(item["role"]))
  if (role !== undefined) return role
  const supported = "'assistant', 'system', 'developer', and 'user'"
  throw checks.invalidValue(
    `${param}.role`,
    `Invalid value: '${showValue(item["role"])}'. Supported values are: ${supported}.`,
  )
}

function contentOf(content: unknown, param: string): Pick<DemoMessage, "text" | "images"> {
  if (typeof content === "string") return { text: content, images: 0 }
  if (!Array.isArray(content))
    throw content === undefined ? checks.missingError(param) : checks.wrongType(param, "a string or an array")
  const parts = content.filter((part) => isRecord(part))
  const texts = parts.map((part) => part["text"]).filter((text) => typeof text === "string")
  return { text: texts.join("\n"), images: parts.filter((part) => part["type"] === "input_image").length }
}
