/** Facts about models: the catalogue of a provider, and what a target says differently. */
import type { z } from "zod"
import {
  allOptional,
  amount,
  block,
  byDefault,
  choice,
  flag,
  integer,
  key,
  line,
  list,
  optional,
  pattern,
  withRules,
  text,
  type Shape,
} from "./field.ts"
import { betaHeaders } from "./betas.ts"
import { dialect, displayName, identifier, instant, modality, outputTokenField } from "./forms.ts"
import { accepts, request } from "./accepts.ts"
import { bridges, responsesToChat } from "./bridges.ts"
import { providerShaping } from "./limits.ts"
import { ownTimeouts } from "./timeouts.ts"
import { prices } from "./prices.ts"

const LATER = { pending: true } as const
const reasoning: z.ZodType = block(
  {
    supported: byDefault(flag("Whether the model can reason."), true),
    mode: byDefault(
      choice(
        ["opt_in", "always_on"],
        "`always_on`: it cannot be switched off, so calls of its own dialect that do are not sent there.",
      ),
      "opt_in",
    ),
    control: optional(
      choice(
        ["effort_enum", "token_budget", "adaptive"],
        "How a call sets the amount of reasoning. `adaptive`: Anthropic's, by `output_config.effort`. Absent: by the model, as [dialects](dialects.md#what-upstreams-take) lists.",
      ),
    ),
    efforts: optional(
      list(
        text("A word."),
        "The effort words that the model knows; others become the nearest. Absent: by the model, else all.",
      ),
    ),
    off: optional(choice(["disabled", "between_tools"], "The kind of thinking that stands for none. Messages.")),
    min_budget_tokens: optional(integer("The smallest reasoning budget.", { unit: "tokens" })),
    max_budget_tokens: optional(integer("The largest reasoning budget.", { unit: "tokens" })),
    budget_must_be_less_than_max_tokens: optional(flag("The reasoning budget must be less than the output cap.")),
    stream_block: optional(
      text("The block in which reasoning arrives in a stream: `none`, `thinking`, or another name.", LATER),
    ),
    rejects_max_tokens: optional(flag("The upstream refuses `max_tokens`; `max_completion_tokens` is sent.")),
    rejects_temperature: optional(flag("The upstream refuses `temperature`.")),
    rejects_top_p: optional(flag("The upstream refuses `top_p`.")),
    supports_summaries: optional(flag("The model returns summaries of its reasoning.")),
  },
  "The reasoning of the model. Absent: unknown.",
  { name: "ReasoningSupport" },
)

const toolSupport: z.ZodType = block(
  {
    openai_chat: optional(
      list(
        choice(["tools", "tool_choice", "structured_outputs"], "A capability."),
        "Capabilities on the Chat API. Empty: none.",
      ),
    ),
    openai_responses: optional(
      list(
        choice(["function", "structured_outputs"], "A capability."),
        "Capabilities on the Responses API. Empty: none.",
      ),
    ),
    anthropic_messages: optional(
      list(
        choice(["client_tools", "structured_outputs"], "A capability."),
        "Capabilities on the Messages API. Empty: none. A list without `structured_outputs` says nothing about them.",
      ),
    ),
  },
  "Tools and structured output, for each API. Absent: unknown.",
  { name: "ToolSupport" },
)

const requestShapeSupport: z.ZodType = block(
  {
    required_input_modalities: optional(
      list(modality, "Only calls that hold all of these are served: for specialists."),
    ),
    max_request_bytes: optional(integer("The largest request body.", { unit: "bytes" })),
    max_estimated_input_tokens: optional(
      integer("The largest input, as estimated from the size of the body.", { unit: "tokens" }),
    ),
    min_requested_output_tokens: optional(integer("The smallest output cap that a call may name.", { unit: "tokens" })),
    max_requested_output_tokens: optional(integer("The largest output cap that a call may name.", { unit: "tokens" })),
    max_tool_schema_bytes: optional(integer("The largest total of tool schemas.", { unit: "bytes" })),
    supports_large_coding_agent_payloads: optional(
      flag("`false`: calls with tools and more than 64 KiB are not served."),
    ),
    supported_inbound_dialects: optional(list(dialect, "Clients of these dialects are served.")),
    unsupported_request_features: optional(
      list(
        identifier,
        "Request features that are not served: top-level fields, types of items, blocks, parts and tools, `forced_tool_choice`.",
      ),
    ),
    validation_status: optional(text("The state of the checks behind this block.")),
    validation_notes: optional(text("Notes on the checks behind this block.")),
  },
  "The requests that the model takes; all others are not sent there. `0` is no limit.",
  { name: "RequestShapeSupport" },
)

const facts: Shape = {
  tier: text("A free label (`cheap`, `heavy`, `coding`, …) that policies may use."),
  context_tokens: integer(
    "The context window. Calls whose estimated input and output cap exceed it are not sent there.",
    {
      min: 1,
      unit: "tokens",
    },
  ),
  max_output_tokens: integer("The largest output.", { min: 1, unit: "tokens" }),
  max_image_tokens: integer(
    "The most input tokens that one image takes: what is reserved for each. Absent: 25600 until the model has reported what its images take, and for larger images than those.",
    { min: 1, unit: "tokens" },
  ),
  default_output_tokens: integer(
    "The output cap of a call without one, where the API demands a cap (Messages). Absent: `max_output_tokens`, else by the model; never more than `context_tokens` leaves.",
    { min: 1, unit: "tokens" },
  ),
  input_modalities: list(
    modality,
    "The forms of input that the model takes. Absent: unknown; an empty list: nothing but text.",
  ),
  output_modalities: list(modality, "The forms of output that the model returns."),
  ...prices,
  answers_as: list(
    line("A name."),
    "Names by which answers may call the model where that is not its id, for example behind a deployment name. `smart-router validate` takes any other name for another model.",
  ),
  honors_max_tokens: flag("`false`: the upstream ignores output caps, so calls with a cap are not sent there."),
  force_store_false: flag(
    "Send `store: false` upstream, whatever the client says, so that the provider keeps no answer. `anthropic` stores none anyway.",
  ),
  tool_support: toolSupport,
  reasoning,
  request_shape_support: requestShapeSupport,
  bridges,
  accepts,
  request,
  default_output_reservation: integer("Output tokens that are reserved for a stream without a cap.", {
    min: 1,
    unit: "tokens",
  }),
}

/** One entry of a provider's catalogue. What is absent is unknown; a price that is unknown makes the cost null. */
export const model: z.ZodType = block(
  {
    model: line("The exact model id of the upstream."),
    ...allOptional(facts),
    honors_max_tokens: byDefault(field(facts, "honors_max_tokens"), true),
    force_store_false: byDefault(field(facts, "force_store_false"), false),
    output_token_field: optional(
      key(
        outputTokenField,
        "The name of the output cap that the server reads: a client's cap under another name is not taken for one by limits, and the router writes its own under this one. Chat upstreams only.",
        {
          resolved: "`max_completion_tokens` for api.openai.com, else `max_tokens`",
        },
      ),
    ),
    traffic_shape: providerShaping,
  },
  "Facts about one model. Nothing is active because it stands here.",
  { name: "ModelConfig" },
)

const validation: z.ZodType = block(
  {
    status: optional(line("The outcome of the validation.")),
    workload: optional(line("The workload that was validated.")),
    validated_at: optional(key(instant, "When it was validated.")),
    quality_score: optional(amount("The quality score, 0 to 1.", { max: 1 })),
    pass_rate: optional(amount("The share of passed checks, 0 to 1.", { max: 1 })),
    harness: optional(text("The tool that validated.")),
  },
  "The operator's evidence that this target is good enough; a contract may ask for it.",
  { name: "TargetValidation" },
)

/** One active target of a model group. Facts that stand here win over the catalogue's. */
export const target: z.ZodType = withRules(
  block(
    {
      provider: key(identifier, "The provider entry."),
      model_ref: optional(key(identifier, "An entry of that provider's catalogue.")),
      model: optional(line("The exact model id of the upstream, where the catalogue has no entry.")),
      weight: byDefault(
        amount("Share of the calls in a `weighted` group. `0`: only as a fallback.", { max: 1_000_000 }),
        1,
      ),
      dialect: optional(key(dialect, "The API that is spoken to this target, if not the provider's.")),
      timeout_ms: optional(
        integer(
          "The time of an attempt, in place of the group's `attempt_timeout_ms`: until first content of a stream, or the full body of a unary call.",
          { unit: "ms" },
        ),
      ),
      ...ownTimeouts,
      display_name: optional(displayName),
      tags: byDefault(list(identifier, "Labels that policies and contracts may ask for."), []),
      tool_only: byDefault(flag("Serve only calls that carry tools."), false),
      ...allOptional(facts),
      output_token_field: optional(key(outputTokenField, "In place of the catalogue's.")),
      beta_headers: optional(key(betaHeaders, "In place of the provider's.")),
      traffic_shape: providerShaping,
      responses_to_chat: optional(responsesToChat),
      validation: optional(validation),
      default_thinking: optional(
        block(
          {
            type: choice(["enabled", "disabled", "adaptive"], "The kind of thinking."),
            budget_tokens: optional(integer("The thinking budget.", { min: 1, unit: "tokens" })),
          },
          "Thinking that is asked for on the Messages API when the call says nothing.",
          { ...LATER, name: "DefaultThinking" },
        ),
      ),
      default_openai_chat_thinking: optional(
        block(
          { type: choice(["enabled", "disabled", "adaptive"], "The kind of thinking.") },
          "Thinking that is asked for on the Chat API when the call says nothing.",
          { ...LATER, name: "DefaultChatThinking" },
        ),
      ),
      region: optional(
        key(
          pattern(/^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$/, "1 to 64 of A-Z a-z 0-9 . _ : / -", ""),
          "Where the target runs; recorded only.",
        ),
      ),
    },
    "One provider and model that may serve calls of this group.",
    { name: "TargetConfig" },
  ),
  ({ model_ref, model: id }) =>
    (model_ref === undefined) === (id === undefined)
      ? { path: [], message: "A target names its model by exactly one of model_ref and model." }
      : null,
)

function field(shape: Shape, name: string): z.ZodType {
  const schema = shape[name]
  if (schema === undefined) throw new Error(`no field ${name}`)
  return schema
}
