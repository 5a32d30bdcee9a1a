/** Servers that refuse what real ones refuse, each in its own words, and answer everything else; and the refusals of Chat servers. */
import { reply, stream } from "./behaviours.ts"
import { bodyText, type Behaviour } from "./fake-upstream.ts"
import { SOUND_MESSAGES } from "./strict-messages.ts"
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

/** Servers that know none of these. */
export function withoutFields(...fields: readonly string[]): Refusal {
  return (body) => {
    const found = fields.find((field) => field in body)
    return found === undefined ? null : `Unsupported parameter: '${found}' is not supported with this model.`
  }
}

export function onlyEfforts(...efforts: readonly string[]): Refusal {
  return ({ reasoning_effort: effort }) =>
    effort === undefined || efforts.some((one) => one === effort)
      ? null
      : `reasoning_effort ${JSON.stringify(effort)} is unknown`
}

/** Servers that refuse their own reasoning when it comes back. */
export const noReasoningBack: Refusal = (body) => {
  const at = messagesOf(body).findIndex((message) => "reasoning_content" in message || "reasoning" in message)
  return at === -1 ? null : `messages.${at}: property 'reasoning_content' is unsupported`
}

/** Servers that are older than the role. */
export const noDeveloper: Refusal = (body) => (rolesOf(body).includes("developer") ? "Unknown role: developer" : null)

/** Servers whose content is a string. */
export const contentIsText: Refusal = (body) => {
  const at = messagesOf(body).findIndex(({ content }) => content !== null && typeof content !== "string")
  return at === -1 ? null : `messages[${at}].content: invalid type: sequence, expected a string`
}

/** Moonshot, Bedrock and others: what says nothing is refused. */
export const noEmptyContent: Refusal = (body) => {
  const isBlank = (content: unknown): boolean => typeof content !== "string" || content.trim() === ""
  const isEmpty = ({ content, tool_calls: calls }: Json): boolean =>
    isList(content)
      ? content.length === 0 || content.some((part) => part["type"] === "text" && isBlank(part["text"]))
      : (content === null || content === undefined) && isList(calls)
        ? false
        : isBlank(content)
  const at = messagesOf(body).findIndex(isEmpty)
  return at === -1 ? null : `message at position ${at} must not be empty`
}

/** Servers that read text and images. */
export const noDocuments: Refusal = (body) =>
  messagesOf(body).some(({ content }) => isList(content) && content.some((part) => part["type"] === "file"))
    ? "Unknown part type: file"
    : null

/** Servers that take no choice but these words. */
export function onlyToolChoices(...words: readonly string[]): Refusal {
  return ({ tool_choice: choice }) =>
    choice === undefined || words.some((word) => word === choice)
      ? null
      : `tool_choice ${JSON.stringify(choice)} is not supported`
}

/** OpenAI and others: what belongs to tools stands beside tools. */
export const toolFieldsBesideTools: Refusal = ({ tools, tool_choice: choice, parallel_tool_calls: parallel }) => {
  if (isList(tools)) return tools.length === 0 ? "[] is too short - 'tools'" : null
  if (choice !== undefined) return "'tool_choice' is only allowed when 'tools' are specified."
  return parallel === undefined ? null : "'parallel_tool_calls' is only allowed when 'tools' are specified."
}

const callIdsOf = (message: Json): readonly string[] =>
  isList(message["tool_calls"]) ? message["tool_calls"].map(({ id }) => String(id)) : []

/** Servers that hold ids in a column. */
export function idsWithin(pattern: RegExp): Refusal {
  return (body) => {
    const bad = messagesOf(body)
      .flatMap((message) => callIdsOf(message))
      .find((id) => !pattern.test(id))
    return bad === undefined ? null : `Invalid tool call id ${JSON.stringify(bad)}: expected ${pattern.source}`
  }
}

export const uniqueIds: Refusal = (body) => {
  const ids = messagesOf(body).flatMap((message) => callIdsOf(message))
  return new Set(ids).size === ids.length ? null : `tool call ids must be unique: ${ids.join(", ")}`
}

/** Behind calls stand their results, all of them and no others. */
export const resultsBehindCalls: Refusal = (body) => {
  let open: readonly string[] = []
  for (const message of messagesOf(body)) {
    if (message["role"] === "tool") {
      const id = String(message["tool_call_id"])
      if (!open.includes(id)) return `tool_call_id ${JSON.stringify(id)} answers no call of the message before`
      open = open.filter((one) => one !== id)
    } else {
      if (open.length > 0) return `tool_calls must be followed by tool messages: ${open.join(", ")} have none`
      open = callIdsOf(message)
    }
  }
  return open.length === 0 ? null : `${open.join(", ")} have no result`
}

/** What any server may refuse. */
export const SOUND: readonly Refusal[] = [
  uniqueIds,
  resultsBehindCalls,
  toolFieldsBesideTools,
  idsWithin(/^.{1,64}$/su),
]

export interface Strict {
  /** Absent: Chat. */
  readonly dialect?: "chat" | "messages"
  readonly refusals: readonly Refusal[]
  /** What it answers where it refuses nothing; absent: a call of `look`, and words once its result is there. */
  readonly answers?: (body: Json) => Scenario
  /** Where its reasoning stands in Chat. */
  readonly field?: string | undefined
}

/** Why a server refuses a body; null: it does not. */
export function faultOf(
  { dialect = "chat", refusals }: Pick<Strict, "dialect" | "refusals">,
  body: Json,
): string | null {
  const sound = dialect === "chat" ? SOUND : SOUND_MESSAGES
  return [...sound, ...refusals].map((refuses) => refuses(body)).find((one) => one !== null) ?? null
}

/** Refuses in a 400, else answers. */
export function strictServer(strict: Strict): Behaviour {
  const { dialect = "chat", answers = looks, field = "reasoning_content" } = strict
  return async (exchange) => {
    const body = JSON.parse(bodyText(exchange.request)) as Json
    const fault = faultOf(strict, body)
    if (fault !== null) {
      const error = { type: "invalid_request_error", message: fault }
      await reply(JSON.stringify({ type: "error", error }), { status: 400 })(exchange)
      return
    }
    const scenario = answers(body)
    const named = (text: string): string => text.replaceAll('"reasoning_content"', JSON.stringify(field))
    const answer =
      body["stream"] === true
        ? stream(streamedAnswer(dialect, scenario).map(named))
        : reply(named(wholeAnswer(dialect, scenario)))
    await answer(exchange)
  }
}

function looks(body: Json): Scenario {
  if (/"role":"tool"|"tool_result"/u.test(JSON.stringify(body["messages"])))
    return { text: "It is sunny.", stop: "end" }
  const calls = [{ id: "functions.look:0", name: "look", arguments: '{"at":"sky"}' }]
  return { reasoning: "I must look.", calls, stop: "tool-calls" }
}
