/** Tables that calls fill and later calls use up. */

/** Keyed by the id, not by the call: who gets an id again, gets it anew. */
export const STORED_STATE = {
  id_sha256: ["text", "Hash of project, kind and id; the id itself is not kept."],
  request_id: ["text", "Call that got the id last."],
  caller_id: ["text", "Its caller."],
  provider: ["text", "Provider that holds the state."],
  model: ["text", "Model of the target that holds it."],
  dialect: ["text", "Dialect of that target."],
  resolved_group: ["text", "Group of the call."],
  expires_at: ["integer", "Until when the row is kept, Unix milliseconds."],
  usage_pending: ["flag", "1: a response in the background, whose usage no row has yet."],
} as const

export const BACKGROUND_RESPONSES = {
  request_id: ["text", "Call that began the response."],
  ts: ["integer", "When the call came, Unix milliseconds."],
  response_id: ["text", "The provider's id: without it the router could not ask."],
  caller_id: ["text", "`callers[].id`."],
  caller_user: ["text", "`callers[].user` when the call came."],
  caller_project: ["text", "`callers[].project` when the call came."],
  caller_environment: ["text", "`callers[].environment` when the call came."],
  token_id: ["text", "Which token of the caller was used."],
  requested_model: ["text", "Group or alias that the call named."],
  resolved_group: ["text", "Group that served the call."],
  strategy: ["text", "Strategy of the group."],
  provider: ["text", "Provider that makes the response."],
  model: ["text", "Model of the target."],
  dialect: ["text", "Dialect of the target."],
  input_tokens: ["integer", "Input at most, as far as the request tells: limits count this meanwhile."],
  output_tokens: ["integer", "Output at most."],
  nano_usd: ["integer", "Cost at most."],
  image_count: ["integer?", "Images in the request; null: unknown."],
  next_poll_at: ["integer", "When the router asks next, Unix milliseconds."],
} as const
