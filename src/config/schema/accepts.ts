/** `accepts` and `request`: what an upstream takes of a body, and what is put into every body or left out. */
import { z } from "zod"
import { block, byDefault, choice, flag, integer, key, list, optional, pattern, withRules, table } from "./field.ts"

/** Members that the router reads, counts or answers for; they are said elsewhere in the configuration, or by the client alone. */
const GOVERNED = [
  "model",
  "messages",
  "input",
  "system",
  "instructions",
  "tools",
  "stream",
  "stream_options",
  "n",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "previous_response_id",
  "conversation",
  "background",
  "thread",
  "container",
]
const NOT_GOVERNED = `(?!(?:${GOVERNED.join("|")})(?:\\.|$))`
const EXPECTED = `but none that the router governs: ${GOVERNED.join(", ")}`

const member: z.ZodType = pattern(
  new RegExp(`^${NOT_GOVERNED}[A-Za-z_][\\w-]{0,63}$`),
  `a top-level field of the body, ${EXPECTED}`,
  "A field of the body.",
)
const path: z.ZodType = pattern(
  new RegExp(`^${NOT_GOVERNED}[A-Za-z_][\\w-]{0,63}(\\.[A-Za-z_][\\w-]{0,63})?$`),
  `a top-level field of the body or a field of one, such as reasoning.summary, ${EXPECTED}`,
  "A field of the body.",
)

export const request: z.ZodType = block(
  {
    set: byDefault(
      table(
        member,
        key(z.unknown(), "Any value.", { expects: "a value", secret: "reference" }),
        "Fields that every body gets, in place of what the client or the router wrote.",
        { secret: "reference" },
      ),
      {},
    ),
    drop: byDefault(
      list(path, "Fields that no body keeps: a top-level field, or a field of one (`reasoning.summary`)."),
      [],
    ),
  },
  "For what no other key knows: fields of the body that are set or left out, in every dialect, also where the client's bytes would pass. Provider, model and target add up; what stands nearer to the target wins. What was left out is listed in `X-Router-Losses`.",
  { name: "RequestEdits" },
)

const toolIds: z.ZodType = withRules(
  block(
    {
      alphabet: byDefault(
        choice(["any", "word", "alphanumeric"], "`word`: A-Z a-z 0-9 _ -; `alphanumeric`: letters and digits."),
        "any",
      ),
      min_chars: byDefault(integer("The shortest id.", { min: 1, max: 64 }), 1),
      max_chars: byDefault(integer("The longest id.", { min: 8, max: 256 }), 64),
    },
    "Ids of tool calls. Others are encoded on their way to the upstream.",
    { name: "ToolIds" },
  ),
  ({ min_chars, max_chars }) =>
    Number(min_chars) <= Number(max_chars)
      ? null
      : { path: ["min_chars"], message: "The shortest id is longer than the longest." },
)

export const accepts: z.ZodType = block(
  {
    system: optional(
      choice(
        ["first", "anywhere"],
        "`first`: leading system messages become one, later ones marked user text. Chat and Responses.",
      ),
    ),
    roles: optional(
      choice(
        ["free", "joined", "alternating"],
        "`joined`: neighbours of one role become one message. `alternating`: also, a user begins, and no user message stands behind a tool result. Chat.",
      ),
    ),
    developer_role: optional(flag("`false`: `developer` messages are sent as `system`.")),
    reasoning_history: optional(
      choice(
        ["issued", "reasoning_content", "reasoning", "none"],
        "How earlier reasoning goes back to the target that made it. `issued`: under the field in which it came. Chat.",
      ),
    ),
    reasoning_beside_calls: optional(
      choice(
        ["reasoning_content", "reasoning", "none"],
        "The field that every assistant message with tool calls holds; empty where the reasoning is lost. Chat.",
      ),
    ),
    stream_usage: optional(
      flag("`false`: streams are not asked for their usage (`stream_options`), so it is estimated. Chat."),
    ),
    cache_key: optional(
      flag("`prompt_cache_key` is sent: the client's, else one made from its session. Chat and Responses."),
    ),
    automatic_cache: optional(
      flag("The cache mark is left to the upstream (`cache_control` at the top level). Messages."),
    ),
    verbosity: optional(flag("Takes `verbosity`.")),
    sampling: optional(flag("`false`: `temperature`, `top_p` and `top_k` are left out.")),
    prefill: optional(flag("Can continue an assistant message that stands last.")),
    forced_tool_choice: optional(flag("Takes a `tool_choice` that forces a call. Messages.")),
    documents: optional(flag("Takes documents, such as PDF.")),
    text_parts: optional(flag("`false`: several texts of one message are sent as one. Chat.")),
    tool_ids: optional(toolIds),
  },
  "The parts of calls from another dialect that the upstream takes. Absent: by host, engine and model, as [dialects](dialects.md#what-upstreams-take) lists. Keys of a target win over its model's, those over the provider's.",
  { name: "Accepts" },
)
