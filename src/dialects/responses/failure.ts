/** Failures of a Responses upstream, and failures told to a Responses client. */

import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import { failureKindOf, recogniseOverflow, type Failure, type FailureKind } from "../../canonical/reply.ts"
import type { RouterError } from "../../errors.ts"
import type { UpstreamFault } from "../dialect.ts"
import { bodyFault, faultOf } from "../error-words.ts"
import { overflowCode, renderOpenAiError } from "../openai-error.ts"
import { VendorRefusal } from "../vendor-refusal.ts"
import { withoutAbsent } from "./wire.ts"

/** What `code` and `type` of an error begin with, the more telling first. */
const KINDS: readonly (readonly [form: RegExp, kind: FailureKind])[] = [
  [/^(insufficient_quota|billing|quota_exceeded|usage_limit_reached|insufficient_balance)/, "quota-exhausted"],
  [/^(rate_limit|too_many_requests|slow_down)/, "rate-limited"],
  [/^(invalid_api_key|authentication|unauthorized)/, "unauthorized"],
  [/^(permission|access_denied|forbidden)/, "forbidden"],
  [/^(model_not_found|not_found|unknown_model)/, "not-found"],
  [/^(server_is_overloaded|overloaded|engine_overloaded|service_unavailable)/, "overloaded"],
  [/(^|_)timeout/, "timeout"],
  [/(_policy|^content_filter|^content_policy|moderation|^safety)/, "content-policy"],
  [/^(server_error|internal)/, "server"],
  [/^(invalid_|unsupported_|missing_|unknown_parameter|image_|empty_image|failed_to_download)/, "invalid-request"],
]

/** An answer of another status than 2xx. Never throws. */
export function readError(status: number, body: JsonValue | undefined): Failure {
  const fault = faultIn(body)
  return failureOf(fault, status, `The upstream answered with status ${status}.`)
}

/** An error inside a 200, unary or streamed: `response.error`, or an error event. */
export function readFault(error: JsonValue | undefined, words: string): Failure {
  return failureOf(faultIn(error), null, words)
}

/** What is no answer of this dialect. */
export function protocolFailure(message: string): Failure {
  return { kind: "protocol", status: null, message }
}

/** The error object, a text or a list of findings; an error event calls itself one, which is no type. */
function faultIn(body: JsonValue | undefined): UpstreamFault {
  const fault = typeof body === "string" ? faultOf(body) : bodyFault(body)
  return fault.type === "error" ? { ...fault, type: null } : fault
}

function failureOf(fault: UpstreamFault, status: number | null, words: string): Failure {
  const failure: Failure = withoutAbsent({
    kind: kindOf(fault, status),
    status,
    message: fault.message ?? words,
    type: fault.type ?? undefined,
    code: fault.code ?? undefined,
    param: fault.param ?? undefined,
  })
  return recogniseOverflow(failure)
}

/** The status decides, but where the body knows better: a 400 for a long context, a 429 for a spent quota. */
function kindOf(fault: UpstreamFault, status: number | null): FailureKind {
  const told = toldKind(fault)
  if (status === null) return told ?? "server"
  const refines = status === 400 || status === 422 || (status === 429 && told === "quota-exhausted")
  return (refines ? told : null) ?? failureKindOf(status)
}

function toldKind({ code, type }: UpstreamFault): FailureKind | null {
  for (const word of [code, type]) {
    if (word === null) continue
    if (/^[45]\d\d$/.test(word)) return failureKindOf(Number(word))
    const kind = KINDS.find(([form]) => form.test(word))?.[1]
    if (kind !== undefined) return kind
  }
  return null
}

/** Words by which clients of this dialect tell failures apart, for failures that came without one. */
const CODES: Readonly<Partial<Record<FailureKind, string>>> = {
  "output-too-long": "invalid_value",
  "quota-exhausted": "insufficient_quota",
  "rate-limited": "rate_limit_exceeded",
  "content-policy": "content_policy_violation",
  "not-found": "not_found",
}

const TYPES: Readonly<Record<FailureKind, string>> = {
  "invalid-request": "invalid_request_error",
  "context-too-long": "invalid_request_error",
  "output-too-long": "invalid_request_error",
  unauthorized: "authentication_error",
  forbidden: "permission_error",
  "not-found": "invalid_request_error",
  "too-large": "invalid_request_error",
  "rate-limited": "rate_limit_error",
  "quota-exhausted": "insufficient_quota",
  "content-policy": "invalid_request_error",
  overloaded: "server_error",
  timeout: "server_error",
  server: "server_error",
  protocol: "server_error",
}

/** The body of an error answer. */
export function writeError(failure: Failure, requestId: string): JsonObject {
  const code = overflowCode(failure) ?? failure.code
  return {
    error: {
      type: failure.type ?? failure.code ?? TYPES[failure.kind],
      code: code ?? CODES[failure.kind] ?? null,
      message: failure.message,
      param: failure.param ?? null,
      request_id: requestId,
      ...(failure.details === undefined ? {} : { details: failure.details }),
    },
  }
}

/** Codes of `response.error` that the vendor lists or that agents act on; every other one would be a novelty to them. */
const STREAM_CODES: ReadonlySet<string> = new Set([
  "server_error",
  "rate_limit_exceeded",
  "invalid_prompt",
  "context_length_exceeded",
  "insufficient_quota",
  "server_is_overloaded",
  "model_not_found",
  "cyber_policy",
  "bio_policy",
  "misalignment_policy_violation",
  "data_residency_mismatch",
  "vector_store_timeout",
  "image_content_policy_violation",
])

const STREAM_CODE_OF: Readonly<Partial<Record<FailureKind, string>>> = {
  "invalid-request": "invalid_prompt",
  "content-policy": "invalid_prompt",
  "too-large": "invalid_prompt",
  "output-too-long": "invalid_prompt",
  "quota-exhausted": "insufficient_quota",
  "rate-limited": "rate_limit_exceeded",
}

/**
 * `response.error` of a failed response. An unknown failure is `server_error`, which makes agents try again; Codex ends its turn
 * at `invalid_prompt`, and shows the message.
 */
export function writeResponseError(failure: Failure): JsonObject {
  const { kind, message, type } = failure
  const words = [overflowCode(failure) ?? failure.code, type]
  const known = words.find((word) => word !== undefined && STREAM_CODES.has(word))
  const own = failure.isFinal === true ? "invalid_prompt" : (STREAM_CODE_OF[kind] ?? "server_error")
  return { code: known ?? own, message }
}

/**
 * Stands in `response.failed` beside the response. OpenAI's libraries throw at an `error` in any event; programs that know
 * nothing of `response.failed`, such as LangChain for JavaScript, would else take the answer for complete.
 */
export function errorBeside({ code = null, message = "" }: JsonObject): JsonObject {
  return { type: code, code, message, param: null }
}

/** The body of an error answer: the upstream's words, or the router's. */
export function renderError(error: RouterError, requestId: string, page: string | null): string {
  return error instanceof VendorRefusal
    ? JSON.stringify(writeError(error.failure, requestId))
    : renderOpenAiError(error, requestId, page)
}
