/**
 * What a conversation began with, as text that stays the same from call to call: clients move cache marks, print a text
 * now as a string and now as a list of parts, and put changing lines into their system prompts. So only the words of the
 * first turns count, and the ids of the tool calls in them. The walk ends there, however long the conversation is.
 */
import { asArray, asObject, asString, type Loose } from "../../dialects/loose.ts"
import { OPEN_BRACE, OPEN_BRACKET, QUOTE } from "../../json/bytes.ts"
import { eachItem, eachMember, endOf, stringAt } from "../../json/walk.ts"
import { utf8 } from "../../text.ts"

export interface FirstTurns {
  /** Of the user, before the model said anything. */
  readonly opening: string
  /** What the model said first; null: it did not say anything yet, so this is the first call. */
  readonly answer: string | null
}

/** Null: nothing to know the conversation by. `conversation`: the bytes of `messages` or `input`. */
export function firstTurns(conversation: Buffer): FirstTurns | null {
  if (conversation[0] === QUOTE) return { opening: utf8(conversation, 0, readBytes(conversation.length)), answer: null }
  if (conversation[0] !== OPEN_BRACKET) return null
  const opening: string[] = []
  const answer: string[] = []
  let read = 0
  eachItem(conversation, 0, (start) => {
    if (conversation[start] !== OPEN_BRACE) return endOf(conversation, start)
    const { speaker, end } = speakerAt(conversation, start)
    // instructions may be long, and say nothing of the conversation: they are not read
    if (speaker === "operator") return end
    if (speaker === "user" && answer.length > 0) return -1
    const said = wordsBetween(conversation, start, end)
    if (speaker === "user") opening.push(...said)
    else answer.push(...said)
    read += end - start
    return answer.length === 0 && read <= LARGE_BYTES ? end : -1
  })
  if (opening.length === 0) return null
  return { opening: opening.join("\n"), answer: answer.length === 0 ? null : answer.join("\n") }
}

/** Turns that are longer together are known by where they begin. */
const LARGE_BYTES = 1 << 18
const HEAD_BYTES = 1 << 16

function readBytes(length: number): number {
  return length > LARGE_BYTES ? HEAD_BYTES : length
}

function wordsBetween(conversation: Buffer, start: number, end: number): readonly string[] {
  if (end - start > LARGE_BYTES) return [utf8(conversation, start, start + HEAD_BYTES)]
  return words(JSON.parse(utf8(conversation, start, end)) as Loose)
}

type Speaker = "user" | "model" | "operator"

function speakerAt(conversation: Buffer, start: number): { readonly speaker: Speaker; readonly end: number } {
  let [role, type] = ["", ""]
  const end = eachMember(conversation, start, (key, value) => {
    const behind = endOf(conversation, value)
    if (key === "role") role = wordAt(conversation, value, behind)
    else if (key === "type") type = wordAt(conversation, value, behind)
    return behind
  })
  return { speaker: speakerOf(role, type), end }
}

function wordAt(json: Buffer, start: number, end: number): string {
  return json[start] === QUOTE ? stringAt(json, start, end) : ""
}

function speakerOf(role: string, type: string): Speaker {
  if (role === "user") return "user"
  if (role === "system" || role === "developer" || type === "additional_tools") return "operator"
  return "model"
}

/** The texts and call ids of a message, item or block. Reasoning is none of them: some clients send it back, some do not. */
function words(entry: Loose): readonly string[] {
  const { content, text, type } = entry
  const found: string[] = []
  if (typeof content === "string") found.push(content)
  for (const part of asArray(content)) found.push(...words(asObject(part) ?? {}))
  if (typeof text === "string" && type !== "thinking") found.push(text)
  const id = type === "tool_use" ? asString(entry["id"]) : asString(entry["call_id"])
  if (id !== null) found.push(id)
  for (const call of asArray(entry["tool_calls"])) found.push(asString(asObject(call)?.["id"]) ?? "")
  return found
}
