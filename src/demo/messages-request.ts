import type { DemoFormat, DemoMessage, DemoRequest, DemoRole, DemoTool, DemoToolChoice } from "./exchange.ts"
import { VendorError } from "./vendor-error.ts"
import { isRecord, showValue, type WireObject as Body } from "./wire-value.ts"

export interface MessagesRequest extends DemoRequest {
  /** A thinking block whose text is left out still has its signature. */
  readonly showThinking: boolean
}

const SMALLEST_BUDGET = 1024

/** Reads a body of `POST /v1/messages`; to count tokens no output cap is needed. @throws {VendorError} */
export function readMessagesRequest(body: Body, models: ReadonlySet<string>, use: "answer" | "count"): MessagesRequest {
  const model = modelOf(body, models)
  const maxOutputTokens = use === "count" ? null : outputCapOf(body)
  checkRange(body, "temperature")
  checkRange(body, "top_p")
  const thinking = isRecord(body["thinking"]) ? body["thinking"] : {}
  checkBudget(thinking, maxOutputTokens)
  const tools = toolsOf(body["tools"])
  const choice = isRecord(body["tool_choice"]) ? body["tool_choice"] : {}
  return {
    dialect: "Anthropic Messages",
    model,
    stream: booleanOf(body, "stream"),
    messages: [...systemOf(body["system"]), ...messagesOf(body["messages"])],
    tools,
    toolChoice: toolChoiceOf(choice, tools),
    parallelToolCalls: choice["disable_parallel_tool_use"] !== true,
    format: formatOf(body["output_config"]),
    maxOutputTokens,
    stopSequences: arrayOf(body["stop_sequences"], "stop_sequences").filter((one) => typeof one === "string"),
    reasoning: thinking["type"] === "enabled" || thinking["type"] === "adaptive",
    promptCache: hasCacheMark(body) ? "marked" : "off",
    showThinking: thinking["display"] !== "omitted",
  }
}

function invalid(message: string): VendorError {
  return new VendorError({ status: 400, message })
}

function modelOf(body: Body, models: ReadonlySet<string>): string {
  const model = body["model"]
  if (model === undefined) throw invalid("model: Field required")
  if (typeof model !== "string") throw invalid("model: Input should be a valid string")
  if (models.has(model)) return model
  throw new VendorError({ status: 404, type: "not_found_error", message: `model: ${model}` })
}

function outputCapOf(body: Body): number {
  const cap = body["max_tokens"]
  if (cap === undefined) throw invalid("max_tokens: Field required")
  if (typeof cap !== "number" || !Number.isSafeInteger(cap))
    throw invalid("max_tokens: Input should be a valid integer")
  if (cap < 1) throw invalid("max_tokens: Input should be greater than or equal to 1")
  return cap
}

function checkRange(body: Body, name: string): void {
  const value = body[name] ?? null
  if (value === null) return
  if (typeof value !== "number" || value < 0 || value > 1) throw invalid(`${name}: range: 0..1`)
}

function checkBudget(thinking: Body, maxOutputTokens: number | null): void {
  if (thinking["type"] !== "enabled") return
  const budget = thinking["budget_tokens"]
  if (typeof budget !== "number") throw invalid("thinking.enabled.budget_tokens: Field required")
  if (budget < SMALLEST_BUDGET) {
    throw invalid(`thinking.enabled.budget_tokens: Input should be greater than or equal to ${SMALLEST_BUDGET}`)
  }
  if (maxOutputTokens !== null && budget >= maxOutputTokens) {
    throw invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
  }
}

function booleanOf(body: Body, name: string): boolean {
  const value = body[name] ?? false
  if (typeof value !== "boolean") throw invalid(`${name}: Input should be a valid boolean`)
  return value
}

function arrayOf(value: unknown, path: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw invalid(`${path}: Input should be a valid list`)
  return value
}

/** Tools with a `type` of their own are run by the vendor or carry no schema: the demo leaves them alone. */
function toolsOf(tools: unknown): readonly DemoTool[] {
  return arrayOf(tools, "tools").flatMap((tool, index) => {
    if (!isRecord(tool)) throw invalid(`tools.${index}: Input should be a valid dictionary`)
    if ((tool["type"] ?? "custom") !== "custom") return []
    const name = tool["name"]
    if (typeof name !== "string") throw invalid(`tools.${index}.custom.name: Field required`)
    if (!isRecord(tool["input_schema"])) throw invalid(`tools.${index}.custom.input_schema: Field required`)
    return [{ name, kind: "function", schema: tool["input_schema"] } as const]
  })
}

function toolChoiceOf(choice: Body, tools: readonly DemoTool[]): DemoToolChoice {
  switch (choice["type"]) {
    case "none":
      return { is: "none" }
    case "any":
      if (tools.length === 0) throw invalid("tool_choice: may only be specified while providing tools")
      return { is: "any" }
    case "tool": {
      const name = choice["name"]
      if (typeof name !== "string") throw invalid("tool_choice.tool.name: Field required")
      if (!tools.some((tool) => tool.name === name)) throw invalid(`Tool '${name}' not found in provided tools`)
      return { is: "named", name }
    }
    default:
      return { is: "auto" }
  }
}

function formatOf(config: unknown): DemoFormat {
  const format = isRecord(config) ? config["format"] : undefined
  return isRecord(format) && format["type"] === "json_schema"
    ? { is: "json", schema: format["schema"] ?? null }
    : { is: "text" }
}

function systemOf(system: unknown): readonly DemoMessage[] {
  if (system === undefined) return []
  return [{ role: "system", ...contentOf(system, "system") }]
}

const ROLES: ReadonlyMap<string, DemoRole> = new Map<string, DemoRole>(
  Object.entries({ user: "user", assistant: "assistant", system: "system" } as const),
)

function messagesOf(messages: unknown): readonly DemoMessage[] {
  if (messages === undefined) throw invalid("messages: Field required")
  const list = arrayOf(messages, "messages")
  if (list.length === 0) throw invalid("messages: at least one message is required")
  let open: readonly string[] = []
  return list.map((message, index) => {
    if (!isRecord(message)) throw invalid(`messages.${index}: Input should be a valid dictionary`)
    const role = ROLES.get(showValue(message["role"]))
    if (role === undefined) {
      throw invalid(
        `messages: Unexpected role "${showValue(message["role"])}". Allowed roles are "user" or "assistant".`,
      )
    }
    const content = message["content"]
    if (content === undefined) throw invalid(`messages.${index}.content: Field required`)
    checkResults(open, idsIn(content, "tool_result", "tool_use_id"), index)
    open = idsIn(content, "tool_use", "id")
    const answersTools = role === "user" && idsIn(content, "tool_result", "tool_use_id").length > 0
    return { role: answersTools ? "tool" : role, ...contentOf(content, `messages.${index}.content`) }
  })
}

/** The message after a tool use holds the results, and nothing else does. */
function checkResults(open: readonly string[], results: readonly string[], index: number): void {
  const unanswered = open.filter((id) => !results.includes(id))
  if (unanswered.length > 0) {
    const ids = unanswered.join(", ")
    throw invalid(
      `messages.${index - 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids}.`,
    )
  }
  const unexpected = results.find((id) => !open.includes(id))
  if (unexpected === undefined) return
  throw invalid(
    `messages.${index}.content.0: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${unexpected}.`,
  )
}

function blocksIn(content: unknown): readonly Body[] {
  return Array.isArray(content) ? content.filter((block) => isRecord(block)) : []
}

function idsIn(content: unknown, type: string, key: string): readonly string[] {
  return blocksIn(content)
    .filter((block) => block["type"] === type)
    .map((block) => showValue(block[key]))
}

function contentOf(content: unknown, path: string): Pick<DemoMessage, "text" | "images"> {
  if (typeof content === "string") return { text: content, images: 0 }
  if (!Array.isArray(content)) throw invalid(`${path}: Input should be a valid string or list`)
  const blocks = blocksIn(content)
  const nested = blocks
    .filter((block) => block["type"] === "tool_result")
    .map((block) => contentOf(block["content"] ?? "", path))
  const texts = blocks.map((block) => (block["type"] === "tool_use" ? JSON.stringify(block["input"]) : block["text"]))
  return {
    text: [...nested.map((inner) => inner.text), ...texts.filter((text) => typeof text === "string")].join("\n"),
    images:
      blocks.filter((block) => block["type"] === "image").length + nested.reduce((sum, inner) => sum + inner.images, 0),
  }
}

function hasCacheMark(body: Body): boolean {
  if (isRecord(body["cache_control"])) return true
  const messages = blocksIn(body["messages"]).flatMap((message) => blocksIn(message["content"]))
  return [...blocksIn(body["system"]), ...blocksIn(body["tools"]), ...messages].some((block) =>
    isRecord(block["cache_control"]),
  )
}
