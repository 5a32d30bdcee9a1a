/** The tables with rows of a call beside `request_usage`. Each also begins with `request_id`. */

/** One row per upstream attempt, in order. */
export const REQUEST_ATTEMPTS = {
  attempt_index: ["integer", "Place among the attempts of the call, from 0."],
  ts: ["integer", "When the attempt began, Unix milliseconds."],
  provider: ["text", "Provider of the target."],
  model: ["text", "Model of the target."],
  dialect: ["text", "Dialect of the target."],
  key_id: ["text?", "Label of the provider's key; never the key."],
  duration_ms: ["milliseconds", "From its start to its end."],
  status_code: ["integer?", "Status of the upstream; null: no head came."],
  error_class: ["text?", "Class of the failure; null: it succeeded."],
  error_message: [
    "text?",
    "Reason of the failure, a word of [errors](errors.md), with plain words of the upstream's error.",
  ],
  retryable: ["flag", "1: the next target was tried, or would have been."],
  timed_out: ["flag", "1: a deadline ended it."],
  client_canceled: ["flag", "1: the client left meanwhile."],
  selected: ["flag", "1: its answer went to the client."],
  fallback_reason: ["text?", "Class of the failure that led to the next target."],
  request_bytes: ["integer", "Body that was sent."],
  response_bytes: ["integer", "Body that came back."],
  attempt_timeout_ms: ["milliseconds", "Time that it had until first content."],
  retry_after_ms: ["milliseconds?", "The wait that the upstream asked for."],
  upstream_request_id: ["text?", "Id that the provider gave to its request."],
  reasoning_tokens: ["integer?", "Reasoning that this attempt reported; null: it reported none, or before version 16."],
  upstream_error_code: ["text?", "`code` of the upstream's error, where it is a plain word."],
  upstream_error_type: ["text?", "`type` of the upstream's error, where it is another plain word."],
  upstream_error_field: ["text?", "Place in the request that the upstream refuses."],
} as const

/** What a translated attempt asked its target for, in the target's own fields. */
export const REQUEST_TRANSLATION_SHAPES = {
  attempt_index: ["integer", "Which attempt."],
  client_dialect: ["text", "Dialect of the client; the attempt's row has that of the target."],
  stream: ["flag", "1: a stream was asked for."],
  message_count: ["integer", "Messages or items that were written."],
  tool_count: ["integer", "Tools that were written."],
  tool_choice: ["text", "`unset`, `auto`, `none` or `forced`."],
  output_cap_field: ["text?", "Field that caps the output; null: none."],
  output_cap_tokens: ["integer?", "That cap."],
  reasoning_field: ["text?", "Field that asks for reasoning, or against it; null: none."],
  structured_output: ["flag", "1: a schema or JSON is asked for."],
  request_losses: ["integer", "Losses of the request; `request_losses` names them."],
  losses: ["integer", "The same with the answer."],
} as const

/** One decision of the router, in order. */
export const REQUEST_TRACE_EVENTS = {
  seq: ["integer", "Place in the call, from 0."],
  ts: ["integer", "Unix milliseconds."],
  event: ["text", "The kind of decision, from a closed list."],
  target_provider: ["text?", "Provider of the target that it is about."],
  target_model: ["text?", "Model of that target."],
  reason: ["text?", "Why, from a closed list."],
  value: ["real?", "A figure; its meaning depends on the event."],
  dialect: ["text?", "Dialect of that target."],
  attempt_index: ["integer?", "Last attempt that had begun; null: none had, or before version 16."],
  status_code: ["integer?", "Status of that attempt, where the event is about its target."],
  duration_ms: ["milliseconds?", "How long that attempt had taken, where the event is about its target."],
} as const

export const REQUEST_LOSSES = {
  seq: ["integer", "Place in the call, from 0."],
  code: ["text", "The loss; [dialects](dialects.md) lists the codes."],
  path: ["text", "Where it stood; `other` where the name is the client's own text."],
} as const

export const REQUEST_UPSTREAM_SHAPE_EVENTS = {
  seq: ["integer", "Place in the call, from 0."],
  ts: ["integer", "Unix milliseconds."],
  scope: ["text", "The owner of the capacity.", ["provider", "provider_model", "target"]],
  provider: ["text", "Provider of the target."],
  model_ref: ["text?", "Name of the model in the catalogue of the provider."],
  model: ["text", "Model of the target."],
  dialect: ["text", "Dialect of the target."],
  bucket: ["text", "Token bucket, or `adaptive_backoff`."],
  decision: ["text", "`throttled`, `deferred` or `backoff`."],
  retry_after_ms: ["milliseconds", "Until when."],
  estimated_input_tokens: ["integer?", "Input that the call was expected to use; null where tokens play no part."],
  reserved_output_tokens: ["integer?", "Output that it was expected to use at most."],
  total_reserved_tokens: ["integer?", "Both."],
  backoff_reason: ["text?", "The reason of the pause: `rate_limited` or `quota_exhausted`."],
  queue_wait_ms: ["milliseconds?", "Always null: shared capacity makes no call wait."],
} as const

export const REQUEST_TRAFFIC_SHAPE_EVENTS = {
  seq: ["integer", "Place in the call, from 0."],
  scope: ["text", "Whose bucket: `caller` or `project`."],
  bucket: ["text", "The bucket that decided."],
  decision: ["text", "Its decision."],
  cost: ["integer", "The amount that the call asked of it."],
  retry_after_ms: ["milliseconds?", "How long the client was told to wait."],
  queue_wait_ms: ["milliseconds?", "How long the call waited in line."],
  estimated_input_tokens: ["integer?", "Input that was asked for."],
  reserved_output_tokens: ["integer?", "Output that was asked for."],
  total_reserved_tokens: ["integer?", "Both."],
} as const

/** Why the call failed. */
export const REQUEST_ERRORS = {
  ts: ["integer", "Unix milliseconds."],
  code: ["text", "Code of the [catalogue](errors.md)."],
  status: ["integer", "Status that the client got."],
  blame: ["text", "Whose fault: `caller`, `operator`, `router` or `upstream`."],
  error_class: ["text?", "Class of the last attempt's failure."],
  upstream_status: ["integer?", "Status of the last attempt."],
  message: ["text", "Sentence that the client got."],
  param: ["text?", "Place in the request that the error is about."],
  retryable: ["flag?", "1: the same call may succeed later; null before version 16."],
  attempts: ["integer?", "Upstream requests that the call made."],
  provider: ["text?", "Provider of the target that was tried last; null: none was."],
  model: ["text?", "Model of that target."],
  dialect: ["text?", "Dialect of that target."],
} as const

/** Labels and buckets stand where `contract.reporting` says so. */
export const REQUEST_CONTRACTS = {
  contract_bucket: ["text?", "Quality that the contract promises."],
  contract_workload: ["text?", "Workload that the contract is for."],
  contract_failure_reason: ["text?", "Promise that left no target; null: it was not the contract."],
  target_validation_status: ["text?", "Evidence of the target that served the call."],
  target_validation_workload: ["text?", "Workload that the evidence is for."],
  target_validation_age_bucket: ["text?", "How old the evidence is."],
} as const
