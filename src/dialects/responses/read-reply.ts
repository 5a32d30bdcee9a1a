/** A response object as a canonical reply. */
import { functionArguments, wrapInput } from "../../canonical/arguments.ts"
import { InputReader, unwrapInput } from "../../canonical/input-reader.ts"
import type { Block, ReasoningBlock, Seal, ToolCallBlock, ToolKind } from "../../canonical/block.ts"
import { decodeId } from "../../canonical/id-map.ts"
import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import { Losses } from "../../canonical/loss.ts"
import type { NamedTool } from "../../canonical/name-map.ts"
import type { Issuer } from "../../canonical/origin.ts"
import type { Failure, Opening } from "../../canonical/reply.ts"
import { sealed } from "../../canonical/seal.ts"
import { isClientCall, settleStop } from "../../canonical/stop.ts"
import type { ReadReply, ReplyContext } from "../codec.ts"
import { protocolFailure, readFault } from "./failure.ts"
import { partsOf, readPart } from "./read-content.ts"
import { argumentText, callExtra, encryptedPayload, reasoningParts } from "./read-input.ts"
import { readStop } from "./stop.ts"
import { readCanonicalUsage } from "./usage.ts"
import { rawItem } from "./vendor-items.ts"
import { numberOf, objectOf, objectsOf, stringOf } from "./wire.ts"

/** Never throws. */
export function readReply(body: JsonValue | undefined, context: ReplyContext): ReadReply {
  if (!isObject(body)) return { failure: protocolFailure("The answer is no JSON object.") }
  const failure = failureIn(body)
  if (failure !== null) return { failure }
  const losses = new Losses()
  const blocks = objectsOf(body["output"]).flatMap((item, index) => readItem(item, context, losses, `output[${index}]`))
  const refused = blocks.some((block) => block.type === "refusal")
  const called = blocks.some(isClientCall)
  const tier = stringOf(body["service_tier"])
  const reply = {
    ...readOpening(body),
    blocks,
    stop: settleStop(readStop(body, refused && !called), called),
    usage: readCanonicalUsage(body["usage"]),
    ...(tier === undefined ? {} : { serviceTier: tier }),
  }
  return { reply, losses: losses.list() }
}

export function readOpening(response: JsonObject): Opening {
  const created = numberOf(response["created_at"])
  return {
    id: stringOf(response["id"]) ?? "",
    model: stringOf(response["model"]) ?? "",
    created: created === undefined ? null : Math.floor(created),
  }
}

/** null: it is an answer. An unfinished one (`queued`, `in_progress`, `cancelled`) is none. */
export function failureIn(response: JsonObject): Failure | null {
  const status = response["status"]
  if (status === "failed") return readFault(response["error"] ?? undefined, "The response failed.")
  if (!Array.isArray(response["output"])) {
    const isError = response["error"] !== undefined && response["error"] !== null
    if (isError || stringOf(response["message"]) !== undefined || stringOf(response["detail"]) !== undefined) {
      return readFault(response, "The upstream answered with an error.")
    }
    return protocolFailure("The answer is no response object.")
  }
  const isUnfinished = status === "queued" || status === "in_progress" || status === "cancelled"
  return isUnfinished ? protocolFailure(`The upstream answered with a response that is ${status}.`) : null
}

function readItem(item: JsonObject, context: ReplyContext, losses: Losses, path: string): readonly Block[] {
  declarePhase(item, losses, path)
  switch (item["type"]) {
    case "message":
      return partsOf(item["content"]).flatMap((part) => readPart(part) ?? [])
    case "reasoning":
      return readReasoning(item, context.issuer)
    case "function_call":
    case "custom_tool_call": {
      const call = readCall(item, item["type"] === "custom_tool_call" ? "custom" : "function", context)
      return call === null ? [] : [call]
    }
    default:
      return [rawItem(item)]
  }
}

/** Commentary or final answer: a reply in canonical form has no place for it. */
export function declarePhase(item: JsonObject, losses: Losses, path: string): void {
  if (typeof item["phase"] === "string") losses.add("reply-field", `${path}.phase`)
}

function readReasoning(item: JsonObject, issuer: Issuer): readonly ReasoningBlock[] {
  const block = sealed({ type: "reasoning", parts: reasoningParts(item), seal: sealOf(item, issuer) }, issuer)
  return block.parts.length === 0 && block.seal?.form === "none" ? [] : [block]
}

/** null without encrypted content. */
export function sealOf(item: JsonObject, issuer: Issuer): Seal | null {
  const encrypted = stringOf(item["encrypted_content"]) ?? ""
  return encrypted === "" ? null : { issuer, form: "encrypted", payload: encryptedPayload(item) }
}

function readCall(item: JsonObject, wireKind: ToolKind, context: ReplyContext): ToolCallBlock | null {
  const opened = openCall(item, wireKind, context)
  if (opened === null) return null
  const text = argumentText(wireKind === "custom" ? item["input"] : item["arguments"])
  const converted = opened.convert === "unwrap" ? unwrapInput(text) : opened.convert === "wrap" ? wrapInput(text) : text
  const isFunction = opened.block.kind === "function"
  return { ...opened.block, arguments: isFunction ? functionArguments(converted) : converted }
}

export interface OpenedCall {
  readonly block: Omit<ToolCallBlock, "arguments" | "cache">
  /** How argument text becomes the client's: a function that stands for a custom tool is unwrapped. */
  readonly convert: "unwrap" | "wrap" | null
}

/** null: no name (yet). A call without an id gets one. */
export function openCall(item: JsonObject, wireKind: ToolKind, context: ReplyContext): OpenedCall | null {
  const wire = stringOf(item["name"]) ?? ""
  if (wire === "") return null
  const named = context.names.named(wire, stringOf(item["namespace"]) ?? null)
  const id = stringOf(item["call_id"]) ?? ""
  const kind = clientKind(named, wireKind, context)
  const extra = callExtra(item)
  const block = {
    type: "tool-call" as const,
    id: id === "" ? context.mint("call_") : decodeId(id),
    name: named.name,
    namespace: named.namespace,
    kind,
    ...(extra === undefined ? {} : { extra }),
  }
  if (kind === wireKind) return { block, convert: null }
  return { block, convert: kind === "custom" ? "unwrap" : "wrap" }
}

/** A declared tool is called as the client declared it; a name that nobody declared is taken as it comes. */
function clientKind(named: NamedTool, wireKind: ToolKind, context: ReplyContext): ToolKind {
  return context.names.declared(named) === undefined ? wireKind : named.kind
}

/** For streams: the text of each piece as the client's. A custom call to a function cannot be converted in pieces. */
export interface PieceConverter {
  push(piece: string): string
  end(): string
}

export function pieceConverter(convert: OpenedCall["convert"]): PieceConverter {
  if (convert === "unwrap") return new InputReader()
  if (convert === null) return { push: (piece) => piece, end: () => "" }
  let held = ""
  return {
    push(piece) {
      held += piece
      return ""
    },
    end: () => wrapInput(held),
  }
}

export function responseOf(event: JsonObject): JsonObject {
  return objectOf(event["response"]) ?? {}
}
