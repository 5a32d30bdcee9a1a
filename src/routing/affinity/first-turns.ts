/**
 * What a conversation began with, as text that stays the same from call to call: clients move cache marks, print a text
 * now as a string and now as a list of parts, and put changing lines into their system prompts. So only the words of the
 * first turns count, and the ids of the tool calls in them. The walk ends there, however long the conversation is.
 */
import { asArray, asObject, asString, type Loose } from "../../dialects/loose.ts"
import { QUOTE } from "../../json/bytes.ts"
import { eachElement } from "../../json/elements.ts"

export interface FirstTurns {
  /** Of the user, before the model said anything. */
  readonly opening: string
  /** What the model said first; null: it did not say anything yet, so this is the first call. */
  readonly answer: string | null
}

const decoder = new TextDecoder()

/** Null: nothing to know the conversation by. `conversation`: the bytes of `messages` or `input`. */
export function firstTurns(conversation: Buffer): FirstTurns | null {
  if (conversation[0] === QUOTE) return { opening: decoder.decode(conversation), answer: null }
  const opening: string[] = []
  const answer: string[] = []
  eachElement(conversation, (element) => {
    const item = asObject(JSON.parse(decoder.decode(element)))
    if (item === null) return true
    const speaker = speakerOf(item)
    if (speaker === "model") answer.push(...words(item))
    else if (speaker === "user" && answer.length > 0) return false
    else if (speaker === "user") opening.push(...words(item))
    return answer.length === 0
  })
  if (opening.length === 0) return null
  return { opening: opening.join("\n"), answer: answer.length === 0 ? null : answer.join("\n") }
}

function speakerOf({ role, type }: Loose): "user" | "model" | "operator" {
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
