/**
 * What a Responses request means, so that two writings of one request are equal. Left out is what carries no wish and no
 * content: ids and statuses of items, defaults in full, empty lists. A string is one part. Neighbouring messages of an
 * assistant are one (they become one turn), and results stand in the order of their calls.
 */

import { textOf } from "./responses-codec.ts"
import { isObject, type JsonObject, type JsonValue } from "../../src/canonical/json.ts"

const SILENT: readonly string[] = ["id", "status", "obfuscation", "created_by", "parsed"]

/** `isOutput`: the items are a response's output; payloads then travel in envelopes, and phases are lost. */
export function meaningOf(body: JsonValue | undefined, isOutput = false): unknown {
  if (!isObject(body)) return body
  const { model: _model, stream, input, tools, instructions, reasoning, ...rest } = body
  const items = typeof input === "string" ? [{ role: "user", content: input }] : listOf(input)
  return {
    ...(clean(rest) as object),
    instructions: instructions === "" ? undefined : instructions,
    reasoning: isObject(reasoning) ? renamed(reasoning) : undefined,
    stream: stream === true,
    tools: listOf(tools).map(clean),
    input: ordered(joined(items.map((item) => itemMeaning(item, isOutput)).filter((item) => item !== null))),
  }
}

/** The older name of the wish for summaries. */
function renamed({ generate_summary: summary, ...rest }: JsonObject): unknown {
  return clean({ summary, ...rest })
}

type Item = Readonly<Record<string, unknown>>

function itemMeaning(item: JsonObject, isOutput: boolean): Item | null {
  const kept = clean(item) as Record<string, unknown>
  if (item["type"] === undefined || item["type"] === "message") {
    const { phase, ...message } = kept
    return { ...message, type: "message", content: parts(item["content"]), ...(isOutput ? {} : { phase }) }
  }
  if (item["type"] === "reasoning") {
    const isEmpty = listOf(item["summary"]).length === 0 && listOf(item["content"]).length === 0
    if (isOutput && isEmpty && typeof item["encrypted_content"] !== "string") return null
    const secret = isOutput ? "sealed" : item["encrypted_content"]
    return {
      type: "reasoning",
      summary: item["summary"],
      content: kept["content"],
      encrypted_content: secret,
      ...named(item, isOutput),
    }
  }
  if (item["type"] === "function_call")
    return { ...kept, arguments: item["arguments"] === "" ? "{}" : item["arguments"] }
  return "output" in item && textOf(item["type"]).endsWith("call_output")
    ? { ...kept, output: parts(item["output"]) }
    : kept
}

/** Reasoning keeps its id; as output it gets another one. */
function named(item: JsonObject, isOutput: boolean): Item {
  return isOutput ? {} : { id: item["id"] }
}

function parts(content: JsonValue | undefined): readonly unknown[] {
  if (typeof content === "string") return content === "" ? [] : [{ text: content }]
  const said = listOf(content).filter((part) => part["text"] !== "")
  return said.map((part) => {
    const { type, ...kept } = clean(part) as Record<string, unknown>
    if (kept["detail"] === "auto") delete kept["detail"]
    return type === "input_text" || type === "output_text" ? kept : { type, ...kept }
  })
}

function joined(items: readonly Item[]): readonly Item[] {
  const result: Item[] = []
  for (const item of items) {
    const last = result.at(-1)
    const isSame = last?.["type"] === "message" && item["type"] === "message" && item["role"] === "assistant"
    if (isSame && last["role"] === "assistant" && last["phase"] === undefined && item["phase"] === undefined) {
      const content = [...(last["content"] as unknown[]), ...(item["content"] as unknown[])]
      result[result.length - 1] = { ...last, content }
    } else result.push(item)
  }
  return result.filter((item) => item["type"] !== "message" || (item["content"] as unknown[]).length > 0)
}

/** Outputs directly behind the run of calls that they answer. */
function ordered(items: readonly Item[]): readonly Item[] {
  const isOutput = (item: Item): boolean => /^(function|custom_tool)_call_output$/.test(textOf(item["type"]))
  const outputs = new Map(items.filter(isOutput).map((item) => [item["call_id"], item]))
  const turns = items.filter((item) => !isOutput(item))
  const isAssistants = (item: Item | undefined): boolean =>
    item?.["role"] === "assistant" ||
    /(_call|^reasoning|_list_tools|^compaction|^mcp_.*request)$/.test(textOf(item?.["type"]))
  const result: Item[] = []
  let due: Item[] = []
  for (const [index, item] of turns.entries()) {
    result.push(item)
    const output = outputs.get(item["call_id"])
    if (output !== undefined && /^(function|custom_tool)_call$/.test(textOf(item["type"]))) due.push(output)
    if (isAssistants(turns[index + 1])) continue
    result.push(...due)
    due = []
  }
  return result
}

/** Without nulls, silent fields and empty lists that mean nothing. */
function clean(value: JsonValue | undefined): unknown {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(clean)
  if (!isObject(value)) return value
  const kept: Record<string, unknown> = {}
  for (const [key, member] of Object.entries(value)) {
    const isEmpty = Array.isArray(member) && member.length === 0 && EMPTY_IS_NOTHING.includes(key)
    if (member !== null && member !== undefined && !SILENT.includes(key) && !isEmpty) kept[key] = clean(member)
  }
  return kept
}

const EMPTY_IS_NOTHING: readonly string[] = ["annotations", "logprobs", "tools", "content"]

function listOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]).filter(isObject) : []
}
