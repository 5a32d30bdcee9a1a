/** Bridges: the reference product's opt-in translations between the two OpenAI APIs, per model or target. */
import type { z } from "zod"
import { block, byDefault, choice, flag, integer, optional, text } from "./field.ts"

const LATER = { pending: true } as const

const chatToResponses: z.ZodType = block(
  {
    enabled: byDefault(flag("`false`: calls of Chat clients are not translated onto this Responses upstream."), false),
    ...Object.fromEntries(
      ["tools", "tool_choice", "parallel_tool_calls", "structured_outputs", "images", "reasoning", "streaming"].map(
        (feature) => [feature, optional(flag(`Whether \`${feature}\` may cross this bridge.`, LATER))],
      ),
    ),
    stateful_sessions: optional(
      block(
        {
          enabled: byDefault(flag("Keep the upstream's response id between the turns of a session."), false),
          backend: byDefault(choice(["memory", "redis"], "Where the ids are kept."), "memory"),
          session_header: byDefault(text("The request header that names the session."), "X-Router-Session"),
          ttl_seconds: byDefault(integer("How long an id is kept.", { unit: "s" }), 3600),
          max_entries: byDefault(integer("The most ids that are kept."), 10_000),
        },
        "Sessions across a stateless client API.",
        { ...LATER, name: "BridgeSessions" },
      ),
    ),
  },
  "From Chat clients to a Responses upstream.",
  { name: "ChatToResponsesBridge" },
)

export const responsesToChat: z.ZodType = block(
  {
    enabled: byDefault(flag("`false`: calls of Responses clients are not translated onto this Chat upstream."), false),
    ...Object.fromEntries(
      ["text", "function_tools", "tool_choice", "reasoning", "images", "structured_outputs", "streaming"].map(
        (feature) => [feature, optional(flag(`Whether \`${feature}\` may cross this bridge.`, LATER))],
      ),
    ),
    validation_status: optional(text("The state of the checks behind this block.")),
    validation_notes: optional(text("Notes on the checks behind this block.")),
  },
  "From Responses clients to a Chat upstream.",
  { name: "ResponsesToChatBridge" },
)

export const bridges: z.ZodType = block(
  { chat_to_responses: optional(chatToResponses), responses_to_chat: optional(responsesToChat) },
  "Which translations between the OpenAI APIs are meant for this model. Absent: the group's `translation` decides.",
  { name: "Bridges" },
)
