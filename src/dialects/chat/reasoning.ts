/**
 * Reasoning in the fields that Chat servers have invented for it: `reasoning_content` (DeepSeek, vLLM, SGLang),
 * `reasoning` (OpenRouter, newer vLLM) and the typed list `reasoning_details` (OpenRouter), the only one that can hold
 * signatures and encrypted parts. https://openrouter.ai/docs/use-cases/reasoning-tokens
 */

import type { Block, ReasoningBlock, ReasoningPart, Seal } from "../../canonical/block.ts"
import { parseExact, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import type { Issuer } from "../../canonical/origin.ts"
import { holdsPayload, isEnvelope, openEnvelope, wrapReasoning } from "../../canonical/seal.ts"
import { isList, listOf, numberOf, objectOf, stringOf, wordsOf } from "./wire.ts"

/** Stands between visible parts where the wire has one text. */
export const PART_SEPARATOR = "\n\n"

/**
 * A detail of our own making: fields of a tool call that its server wants back with the call (Gemini's thought signature
 * in `extra_content`). It travels in the sealed payload, because no client of another dialect keeps such fields.
 */
export const CALL_FIELDS = "router.tool_call"

const REASONING_FIELDS = ["reasoning_content", "reasoning"] as const
type ReasoningField = (typeof REASONING_FIELDS)[number]

/** The words of a message's `reasoning_content` or `reasoning`. */
export function visibleReasoning(message: JsonObject): string | undefined {
  const field = reasoningField(message)
  return field === undefined ? undefined : wordsOf(message[field])
}

/** In which field a message, or a piece of one, has its visible reasoning. */
export function reasoningField(message: JsonObject): ReasoningField | undefined {
  return REASONING_FIELDS.find((field) => wordsOf(message[field]) !== undefined)
}

export function isReasoningField(name: string): name is ReasoningField {
  return REASONING_FIELDS.some((field) => field === name)
}

/** Tells the issuer's field, so that the text goes back under it. */
export function fieldSeal(field: ReasoningField, issuer: Issuer): Seal {
  return { issuer, form: "field", payload: field }
}

/** What a detail shows, if anything. */
export function partOfDetail(detail: JsonObject): ReasoningPart | null {
  const summary = wordsOf(detail["summary"])
  if (detail["type"] === "reasoning.summary" && summary !== undefined) return { kind: "summary", text: summary }
  const text = wordsOf(detail["text"])
  return detail["type"] === "reasoning.text" && text !== undefined ? { kind: "raw", text } : null
}

/** Neighbouring pieces of one detail as one, as a stream gives them. Linear. */
export function mergedDetails(details: readonly JsonValue[]): readonly JsonValue[] {
  const runs: JsonValue[][] = []
  let head: JsonObject | undefined
  for (const detail of details) {
    const object = objectOf(detail)
    const run = runs.at(-1)
    if (run !== undefined && head !== undefined && object !== undefined && continues(head, object)) run.push(detail)
    else {
      runs.push([detail])
      head = object
    }
  }
  return runs.map((run) => (run.length === 1 ? (run[0] ?? null) : joined(run)))
}

const GROWING = ["text", "summary", "data"] as const

/** A piece never goes on after a signature, and encrypted data come whole. */
function continues(head: JsonObject, next: JsonObject): boolean {
  if (head["type"] !== next["type"] || head["index"] !== next["index"] || head["index"] === undefined) return false
  if (wordsOf(head["signature"]) !== undefined || next["type"] === "reasoning.encrypted") return false
  return next["type"] !== CALL_FIELDS
}

function joined(run: readonly JsonValue[]): JsonObject {
  const all = new Map<string, JsonValue>()
  for (const piece of run) {
    for (const [key, value] of Object.entries(objectOf(piece) ?? {})) {
      if (value !== undefined && (value !== null || !all.has(key))) all.set(key, value)
    }
  }
  for (const key of GROWING) {
    const pieces = run.map((piece) => stringOf(objectOf(piece)?.[key]) ?? "")
    if (all.has(key)) all.set(key, pieces.join(""))
  }
  return Object.fromEntries(all)
}

/** The block of a native list; `visible` is the plain text beside it, used where the list itself shows none. */
export function detailsBlock(
  details: readonly JsonValue[],
  visible: string | undefined,
  issuer: Issuer,
): ReasoningBlock {
  const shown = details.map((one) => partOfDetail(objectOf(one) ?? {})).filter((part) => part !== null)
  const parts = shown.length > 0 || visible === undefined ? shown : [{ kind: "raw", text: visible } as const]
  return { type: "reasoning", parts, seal: detailsSeal(details, issuer) }
}

export function detailsSeal(details: readonly JsonValue[], issuer: Issuer): Seal {
  return { issuer, form: "details", payload: JSON.stringify(details) }
}

/** Of a client's history: nobody says which credential a list came from. */
const UNLABELLED: Issuer = { dialect: "chat", label: null }

/** The list of a payload; null where it is none. */
export function nativeDetails(seal: Seal): readonly JsonValue[] | null {
  if (seal.issuer.dialect !== "chat" || seal.form !== "details") return null
  try {
    const details = parseExact(seal.payload)
    return isList(details) ? details : null
  } catch {
    return null
  }
}

/**
 * The reasoning of an assistant message in a client's history, put between the other blocks where it stood. Where
 * envelopes came back, they hold the visible text too, and the plain text beside them is not read a second time.
 */
export function withReasoning(message: JsonObject, others: readonly Block[]): readonly Block[] {
  const details = listOf(message["reasoning_details"])
  const native = details.filter((one) => !isOurs(one))
  const envelopes = details
    .filter(isOurs)
    .map(openedAt)
    .filter((one) => one !== null)
  const visible = envelopes.length > 0 ? undefined : visibleReasoning(message)
  const lead: Block[] = []
  if (native.length > 0) lead.push(detailsBlock(native, visible, UNLABELLED))
  else if (visible !== undefined) {
    const seal = reasoningField(message) === "reasoning" ? fieldSeal("reasoning", UNLABELLED) : null
    lead.push({ type: "reasoning", parts: [{ kind: "raw", text: visible }], seal })
  }
  const rest = [...lead, ...others]
  if (envelopes.length === 0) return rest
  return inserted(rest, envelopes)
}

interface Placed {
  readonly at: number
  readonly block: ReasoningBlock
}

/** `at` counts the blocks before it in the result; what stands behind the end comes last, in order. */
function inserted(blocks: readonly Block[], reasoning: readonly Placed[]): readonly Block[] {
  const waiting = reasoning.toSorted((left, right) => left.at - right.at)
  const result: Block[] = []
  let next = 0
  for (const block of blocks) {
    for (let one = waiting[next]; one !== undefined && one.at <= result.length; one = waiting[next]) {
      result.push(one.block)
      next += 1
    }
    result.push(block)
  }
  return [...result, ...waiting.slice(next).map((one) => one.block)]
}

function isOurs(detail: JsonValue): boolean {
  const data = stringOf(objectOf(detail)?.["data"])
  return data !== undefined && isEnvelope(data)
}

function openedAt(detail: JsonValue): Placed | null {
  const object = objectOf(detail)
  const block = openEnvelope(stringOf(object?.["data"]) ?? "")
  return block === null ? null : { block, at: numberOf(object?.["index"]) ?? 0 }
}

/** What a client gets of one reasoning block, beside its visible text. */
export interface WrittenSeal {
  readonly details: readonly JsonValue[]
  /** Fields of tool calls by call id, which the client gets on the calls themselves. */
  readonly callFields: ReadonlyMap<string, JsonObject>
  /** The payload was too long to travel. */
  readonly lost: boolean
}

const NOTHING: WrittenSeal = { details: [], callFields: new Map(), lost: false }

/**
 * Native details for what a Chat server sealed, else an envelope. `index`: how many blocks stand before this one in the
 * message as it will be read back.
 */
export function writeSeal(block: Pick<ReasoningBlock, "parts" | "seal">, index: number): WrittenSeal {
  const { seal } = block
  if (seal === null || (seal.issuer.dialect === "chat" && !holdsPayload(seal))) return NOTHING
  const native = nativeDetails(seal)
  if (native !== null) return { ...splitDetails(native), lost: false }
  const data = wrapReasoning(block)
  if (data === null) return { ...NOTHING, lost: true }
  return { ...NOTHING, details: [{ type: "reasoning.encrypted", format: "unknown", id: null, index, data }] }
}

/** A payload's native entries, and what it carries for tool calls. */
export function splitDetails(details: readonly JsonValue[]): Pick<WrittenSeal, "details" | "callFields"> {
  const callFields = new Map<string, JsonObject>()
  const native: JsonValue[] = []
  for (const detail of details) {
    const object = objectOf(detail)
    const id = stringOf(object?.["call_id"])
    const fields = objectOf(object?.["fields"])
    if (object?.["type"] !== CALL_FIELDS) native.push(detail)
    else if (id !== undefined && fields !== undefined) callFields.set(id, fields)
  }
  return { details: native, callFields }
}

export function callFieldsDetail(callId: string, fields: JsonObject): JsonObject {
  return { type: CALL_FIELDS, call_id: callId, fields }
}
