/** Refusals of Anthropic's API, in its words. */
import type { Refusal } from "./strict-chat.ts"

type Json = Readonly<Record<string, unknown>>

const messagesOf = (body: Json): readonly Json[] => body["messages"] as readonly Json[]
const isList = Array.isArray as (value: unknown) => value is readonly Json[]
const blocksOf = ({ content }: Json): readonly Json[] => (isList(content) ? content : [{ type: "text", text: content }])
const idsIn = (message: Json, type: string, key: string): readonly string[] =>
  blocksOf(message).flatMap((block) => (block["type"] === type ? [String(block[key])] : []))

/** Models since 4.7. */
export const adaptiveOnly: Refusal = ({ thinking }) => {
  const { type, budget_tokens: budget } = (thinking ?? {}) as Json
  if (budget !== undefined) return "thinking.budget_tokens: Extra inputs are not permitted"
  return type === undefined || type === "adaptive" ? null : `thinking.type: ${JSON.stringify(type)} is not supported`
}

export const noSampling: Refusal = (body) => {
  const found = ["temperature", "top_p", "top_k"].find((field) => field in body)
  return found === undefined ? null : `${found}: is not supported by this model`
}

export const noForcedChoice: Refusal = ({ tool_choice: choice }) =>
  ["any", "tool"].includes(String((choice as Json | undefined)?.["type"]))
    ? "tool_choice: forcing a tool is not supported by this model"
    : null

export const noSystemInside: Refusal = (body) =>
  messagesOf(body).some(({ role }) => role !== "user" && role !== "assistant")
    ? 'messages: Unexpected role "system"'
    : null

const hasCap: Refusal = ({ max_tokens: cap }) =>
  typeof cap === "number" && cap > 0 ? null : "max_tokens: Field required"

const beginsWithUser: Refusal = (body) =>
  messagesOf(body)[0]?.["role"] === "user" ? null : "messages: first message must use the user role"

const nothingEmpty: Refusal = (body) => {
  const isEmpty = (block: Json): boolean => block["type"] === "text" && String(block["text"]).trim() === ""
  const at = messagesOf(body).findIndex((one) => blocksOf(one).length === 0 || blocksOf(one).some(isEmpty))
  return at === -1 ? null : `messages.${at}: text content blocks must contain non-whitespace text`
}

const wordIds: Refusal = (body) => {
  const bad = messagesOf(body)
    .flatMap((message) => [...idsIn(message, "tool_use", "id"), ...idsIn(message, "tool_result", "tool_use_id")])
    .find((id) => !/^[a-zA-Z0-9_-]+$/u.test(id))
  return bad === undefined ? null : `tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$', got ${bad}`
}

const uniqueUses: Refusal = (body) => {
  const ids = messagesOf(body).flatMap((message) => idsIn(message, "tool_use", "id"))
  return new Set(ids).size === ids.length ? null : `messages: \`tool_use\` ids must be unique: ${ids.join(", ")}`
}

const resultsNext: Refusal = (body) => {
  const all = messagesOf(body)
  for (const [at, message] of all.entries()) {
    const used = idsIn(message, "tool_use", "id").toSorted()
    const answered = idsIn(all[at + 1] ?? {}, "tool_result", "tool_use_id").toSorted()
    if (used.join(" ") !== answered.join(" "))
      return `messages.${at}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${used.join(", ")}`
  }
  return null
}

const toolsForUses: Refusal = (body) =>
  body["tools"] === undefined && messagesOf(body).some((message) => idsIn(message, "tool_use", "id").length > 0)
    ? "Requests which include `tool_use` or `tool_result` blocks must define tools"
    : null

const ownSignatures: Refusal = (body) =>
  messagesOf(body)
    .flatMap((message) => idsIn(message, "thinking", "signature"))
    .every((signature) => signature === OWN_SIGNATURE)
    ? null
    : "messages: Invalid `signature` in `thinking` block"

/** As `SEALS.messages` of the scenarios. */
const OWN_SIGNATURE = "EqQB-signed-by-messages"

/** What every model of Anthropic refuses. */
export const SOUND_MESSAGES: readonly Refusal[] = [
  hasCap,
  beginsWithUser,
  nothingEmpty,
  wordIds,
  uniqueUses,
  resultsNext,
  toolsForUses,
  ownSignatures,
]
