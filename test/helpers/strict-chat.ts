/** Chat servers that refuse what real ones refuse, each in its own words, and answer everything else. */
import { reply, stream } from "./behaviours.ts"
import { bodyText, type Behaviour } from "./fake-upstream.ts"
import { streamedAnswer, wholeAnswer, type Scenario } from "./scenario.ts"

type Json = Readonly<Record<string, unknown>>

/** What is wrong with a body; null: nothing. */
export type Refusal = (body: Json) => string | null

const messagesOf = (body: Json): readonly Json[] => body["messages"] as readonly Json[]
const rolesOf = (body: Json): readonly string[] => messagesOf(body).map(({ role }) => String(role))
const isList = Array.isArray as (value: unknown) => value is readonly Json[]

/** Templates of Qwen 3.5 and later: one system message, at the beginning. */
export const systemFirst: Refusal = (body) =>
  rolesOf(body).some((role, at) => (role === "system" || role === "developer") && at > 0)
    ? "System message must be at the beginning."
    : null

/** Templates of Gemma and their like. */
export const noNeighbours: Refusal = (body) => {
  const roles = rolesOf(body).filter((role) => role !== "tool")
  return rolesOf(body).some((role, at) => role !== "tool" && rolesOf(body)[at - 1] === role) || roles[0] === "assistant"
    ? "Conversation roles must alternate user/assistant/user/assistant/..."
    : null
}

/** Mistral's order: behind results speaks the assistant. */
export const assistantBehindResults: Refusal = (body) =>
  rolesOf(body).some((role, at) => role === "user" && rolesOf(body)[at - 1] === "tool")
    ? "Unexpected role 'user' after role 'tool'"
    : null

/** Mistral's ids. */
export const nineCharacterIds: Refusal = (body) => {
  const ids = messagesOf(body).flatMap((message) => [
    ...(isList(message["tool_calls"]) ? message["tool_calls"].map(({ id }) => String(id)) : []),
    ...(message["role"] === "tool" ? [String(message["tool_call_id"])] : []),
  ])
  return ids.every((id) => /^[a-zA-Z0-9]{9}$/u.test(id))
    ? null
    : "Tool call id must be a-z, A-Z, 0-9, with a length of 9."
}

/** DeepSeek and Kimi while they think. */
export function thinkingComesBack(field: string, wholly: boolean): Refusal {
  return (body) =>
    messagesOf(body).some(
      (message) => isList(message["tool_calls"]) && (wholly ? !message[field] : !(field in message)),
    )
      ? `The ${field} in the thinking mode must be passed back to the API.`
      : null
}

/** Servers that refuse what they do not know. */
export function onlyFields(...fields: readonly string[]): Refusal {
  return (body) => {
    const unknown = Object.keys(body).find((field) => !fields.includes(field))
    return unknown === undefined ? null : `property '${unknown}' is unsupported`
  }
}

export function onlyEfforts(...efforts: readonly string[]): Refusal {
  return ({ reasoning_effort: effort }) =>
    effort === undefined || efforts.some((one) => one === effort)
      ? null
      : `reasoning_effort ${JSON.stringify(effort)} is unknown`
}

/** Refuses in a 400, else answers: with a call of `look`, and once its result is there with words. */
export function strictChat(refusals: readonly Refusal[], field = "reasoning_content"): Behaviour {
  return async (exchange) => {
    const body = JSON.parse(bodyText(exchange.request)) as Json
    const fault = refusals.map((refuses) => refuses(body)).find((one) => one !== null)
    if (fault !== undefined) {
      await reply(JSON.stringify({ error: { message: fault, type: "invalid_request_error" } }), { status: 400 })(
        exchange,
      )
      return
    }
    const scenario: Scenario = rolesOf(body).includes("tool")
      ? { text: "It is sunny.", stop: "end" }
      : {
          reasoning: "I must look.",
          calls: [{ id: "functions.look:0", name: "look", arguments: '{"at":"sky"}' }],
          stop: "tool-calls",
        }
    const named = (text: string): string => text.replaceAll('"reasoning_content"', JSON.stringify(field))
    const answer =
      body["stream"] === true
        ? stream(streamedAnswer("chat", scenario).map(named))
        : reply(named(wholeAnswer("chat", scenario)))
    await answer(exchange)
  }
}
