/** How calls were decided. Targets are named by their place in the group and by provider, model and dialect. */

/** What a decision could know of the call. Counts and flags, never content. */
export const REQUEST_DECISION_SHAPE_FEATURES = {
  ts: ["integer", "When the call came, Unix milliseconds."],
  dialect: ["text", "Dialect of the client."],
  stream: ["flag", "1: a stream was asked for."],
  choices: ["integer", "Answers that were asked for (`n`)."],
  output_cap_field: ["text?", "Field that caps the output; null: none."],
  output_cap_tokens: ["integer?", "That cap."],
  body_bytes: ["integer", "Size of the body."],
  encoded_bytes: ["integer", "Bytes of files in base64 among them."],
  estimated_input_tokens: ["integer", "Input as routing estimates it."],
  image_count: ["integer", "Images."],
  tool_count: ["integer", "Tools that the client executes."],
  hosted_tool_count: ["integer", "Tools that the provider executes."],
  tool_schema_bytes: ["integer", "Bytes of the tool definitions."],
  has_tool_history: ["flag", "1: the conversation holds tool calls or results."],
  has_seals: ["flag", "1: the conversation holds reasoning that only its issuer can read."],
  tool_choice: ["text", "`unset`, `null`, `auto`, `none` or `forced`."],
  structured_output: ["flag", "1: a schema or JSON was asked for."],
  reasoning_requested: ["flag", "1: reasoning was asked for."],
  reasoning_kind: ["text", "How: `none`, `off`, `adaptive`, `budget` or `effort`."],
  reasoning_effort: ["text?", "The effort, in the client's word."],
  reasoning_budget_tokens: ["integer?", "The budget."],
  temperature_set: ["flag", "1: a temperature was set."],
  uses_previous_response_id: ["flag", "1: `previous_response_id` was set."],
  uses_function_call_output: ["flag", "1: an item of that type is there."],
  uses_stream_options: ["flag", "1: `stream_options` was set."],
  message_count: [
    "integer?",
    "Messages or items; null for bodies above 16 KB that no policy reads, for those above 1 MB, and before version 12.",
  ],
  text_chars: ["integer?", "Characters of text; null as above."],
  uses_include: ["flag?", "1: `include` was set; null before version 12."],
  conversation_kind: ["text?", "By what the conversation is known; null: nothing tells it from another."],
  conversation_key: ["text?", "Where its next call looks for it: a hash that only this configuration can make again."],
  conversation_opening: ["text?", "Where its first call stands; null: this is the first, or it has a name."],
  sets_parallel_tool_calls: ["flag?", "1: `parallel_tool_calls` was set; null before version 16."],
  sets_store: ["flag?", "1: `store` was set."],
  sets_metadata: ["flag?", "1: `metadata` was set."],
  sets_truncation: ["flag?", "1: `truncation` was set."],
} as const

export const REQUEST_TARGET_CANDIDATES = {
  target_index: ["integer", "Place of the target in the group, from 0."],
  provider: ["text", "Its provider."],
  model: ["text", "Its model."],
  dialect: ["text", "Its dialect."],
  eligible: ["flag", "1: it could serve the call."],
  weight: ["real", "Its weight in the configuration."],
  strategy_rank: ["integer?", "Place in the strategy's order, from 0; null: not in it."],
  final_rank: ["integer?", "Place in the order of attempts, after affinity and health; null: not in it."],
  score: ["real?", "Score of `dynamic_score`."],
  adjusted_weight: ["real?", "Weight times score."],
  cold_start: ["flag?", "1: too few attempts to score it."],
  observations: ["integer?", "Attempts in the live window."],
  expected_cost_nano_usd: ["integer?", "Of estimated input and output cap at its prices; null: a price is unknown."],
  pinned: ["flag", "1: the conversation stays there."],
  hindrance: ["text?", "Why it was put after the others."],
  hindrance_ms: ["milliseconds?", "For how long."],
} as const

export const REQUEST_TARGET_FILTER_REASONS = {
  seq: ["integer", "Place in the call, from 0."],
  target_index: ["integer", "Place of the target in the group, from 0."],
  provider: ["text", "Its provider."],
  model: ["text", "Its model."],
  dialect: ["text", "Its dialect."],
  effect: [
    "text",
    "`unknown`: it stays eligible. `beyond`: a threshold of the group puts it after the others.",
    ["rejected", "rejected_late", "unknown", "beyond"],
  ],
  reason: ["text", "Why, from the list in [routing](routing.md)."],
} as const

/** What a strategy chose. */
export const REQUEST_ROUTING_DECISIONS = {
  mode: ["text", "`shadow`: a strategy that is only watched.", ["live", "shadow"]],
  strategy: ["text", "The strategy."],
  outcome: [
    "text",
    "`failed`: it threw. `unanswered`: the call was over before it answered.",
    ["decided", "failed", "unanswered"],
  ],
  rank_mode: ["text?", "How `dynamic_score` ranked."],
  class_label: ["text?", "Label that a policy gave to the call."],
  call_class: ["text?", "Class of the call, by its size and tools."],
  eligible_count: ["integer", "Targets that could serve the call."],
  order_count: ["integer", "Targets in the strategy's order."],
  target_index: ["integer?", "The strategy's own choice, before affinity and health."],
  provider: ["text?", "Its provider."],
  model: ["text?", "Its model."],
  dialect: ["text?", "Its dialect."],
  expected_cost_nano_usd: ["integer?", "The expected cost of the call there."],
  pin_kind: ["text?", "By what the conversation was known that kept it on its target; null: no pin."],
  error: ["text?", "Why the strategy failed."],
} as const

export const REQUEST_DYNAMIC_SCORE_TERMS = {
  seq: ["integer", "Place in the call, from 0."],
  mode: ["text", "Of which decision.", ["live", "shadow"]],
  target_index: ["integer", "Place of the target in the group, from 0."],
  term: ["text", "Name of the term."],
  role: ["text", "The effect of the term on the score.", ["adds", "multiplies"]],
  value: ["real?", "Its value; null: there is no evidence."],
  weight: ["real", "Its weight."],
} as const

/** One run of a script or a policy service. */
export const REQUEST_POLICY_EXECUTIONS = {
  seq: ["integer", "Place in the call, from 0."],
  kind: ["text", "`script` or `external`."],
  mode: ["text", "Of which decision.", ["live", "shadow"]],
  outcome: ["text", "How it ended."],
  duration_us: ["integer", "How long it took, microseconds."],
  class_label: ["text?", "Label that it gave to the call."],
  target_index: ["integer?", "Target that it chose."],
  fallback_count: ["integer?", "Further targets that it named."],
  error: ["text?", "Why it failed, from a closed list."],
  error_detail: ["text?", "Name of the error, or a status."],
} as const

/** From a target that failed to the next one. */
export const REQUEST_FALLBACK_TRANSITIONS = {
  seq: ["integer", "Place in the call, from 0."],
  from_target_index: ["integer", "Target that failed."],
  from_provider: ["text", "Its provider."],
  from_model: ["text", "Its model."],
  to_target_index: ["integer", "Target that was tried next."],
  to_provider: ["text", "Its provider."],
  to_model: ["text", "Its model."],
  reason: ["text", "Class of the failure."],
} as const
