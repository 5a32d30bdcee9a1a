/** Bridges: the reference product's opt-in translations between the two OpenAI APIs, per model or target. */
import type { z } from "zod"
import { block, byDefault, choice, flag, integer, optional, text } from "./field.ts"

/** Both bridges take all of these, so that none is overlooked because it stands in the other one. */
const FEATURES = {
  text: "calls, all of which hold text,",
  tools: "calls with tools of the client",
  function_tools: "calls with tools of the client",
  tool_choice: "calls that force or forbid tools",
  parallel_tool_calls: "calls that say `parallel_tool_calls`",
  structured_outputs: "calls that ask for JSON or a schema",
  images: "calls with images",
  reasoning: "calls that ask for reasoning",
  streaming: "streamed calls",
} as const

const features: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  Object.entries(FEATURES).map(([feature, calls]) => [
    feature,
    optional(flag(`\`false\`: ${calls} do not cross this bridge. Absent: nothing is said against them.`)),
  ]),
)

const chatToResponses: z.ZodType = block(
  {
    enabled: byDefault(flag("`false`: calls of Chat clients are not translated onto this Responses upstream."), false),
    ...features,
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
        { pending: true, name: "BridgeSessions" },
      ),
    ),
  },
  "From Chat clients to a Responses upstream.",
  { name: "ChatToResponsesBridge" },
)

export const responsesToChat: z.ZodType = block(
  {
    enabled: byDefault(flag("`false`: calls of Responses clients are not translated onto this Chat upstream."), false),
    ...features,
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
