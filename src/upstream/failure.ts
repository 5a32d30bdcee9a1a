/** Decides what an upstream's failure means: for the caller, for the next target, and for the ledger. Pure. */
import type { ErrorCode } from "../errors.ts"
import type { UpstreamFault } from "../dialects/dialect.ts"

/** Closed list, as in the ledger's `error_class`. */
export type FailureClass =
  | "network"
  | "timeout"
  | "rate_limited"
  | "quota_exhausted"
  | "access_denied"
  | "bad_request"
  | "request_too_large"
  | "server_error"
  | "redirect"
  | "malformed_answer"
  | "empty_stream"
  | "stream_broken"
  | "client_cancel"
  | "refused"

export interface Failure {
  readonly class: FailureClass
  /** What the caller is told when no other target helps. */
  readonly code: ErrorCode
  /** Could another target cure it? */
  readonly failover: boolean
  /** The upstream's answer is about the request itself and is relayed. */
  readonly relay: boolean
}

const failing = (kind: FailureClass, code: ErrorCode): Failure => ({ class: kind, code, failover: true, relay: false })

export const NETWORK: Failure = failing("network", "upstream-failed")
export const TIMEOUT: Failure = failing("timeout", "upstream-timeout")
export const MALFORMED: Failure = failing("malformed_answer", "upstream-failed")
export const EMPTY_STREAM: Failure = failing("empty_stream", "upstream-failed")
export const BROKEN_STREAM: Failure = failing("stream_broken", "upstream-failed")
export const CLIENT_LEFT: Failure = { class: "client_cancel", code: "client-closed", failover: false, relay: false }
const RATE_LIMITED = failing("rate_limited", "upstream-rate-limited")
const QUOTA = failing("quota_exhausted", "upstream-quota-exhausted")
const DENIED = failing("access_denied", "upstream-access-denied")
const SERVER_ERROR = failing("server_error", "upstream-failed")

/** A status other than 2xx. */
export function classifyStatus(status: number, fault: UpstreamFault, model: string): Failure {
  if (status === 400 || status === 422) {
    if (blamesModel(fault, model)) return DENIED
    return { class: "bad_request", code: "invalid-request", failover: false, relay: true }
  }
  if (status === 413) return { class: "request_too_large", code: "body-too-large", failover: false, relay: true }
  if (status === 401 || status === 403 || status === 404) return DENIED
  if (status === 402) return QUOTA
  if (status === 429) return isQuota(fault) ? QUOTA : RATE_LIMITED
  if (status === 408) return failing("timeout", "upstream-timeout")
  if (status >= 500) return SERVER_ERROR
  if (status >= 300 && status < 400) return failing("redirect", "upstream-failed")
  return { class: "refused", code: "upstream-refused", failover: false, relay: false }
}

/** An error inside an answer with status 200, unary or streamed. */
export function classifyFault(fault: UpstreamFault): Failure {
  if (isQuota(fault)) return QUOTA
  if (matches(fault, /^(rate_limit|too_many_requests|429)/)) return RATE_LIMITED
  if (matches(fault, /^(authentication|permission|invalid_api_key|401|403|model_not_found)/)) return DENIED
  if (matches(fault, /^(timeout|504)/)) return TIMEOUT
  return fault.type === null && fault.code === null && fault.message === null ? MALFORMED : SERVER_ERROR
}

function isQuota(fault: UpstreamFault): boolean {
  return matches(fault, /^(insufficient_quota|billing|quota_exceeded|usage_limit_reached|insufficient_balance|402)/)
}

function matches(fault: UpstreamFault, form: RegExp): boolean {
  return form.test(fault.code ?? "") || form.test(fault.type ?? "")
}

const UNKNOWN_MODEL =
  /\b(not found|does not exist|doesn't exist|not exist|unknown|not available|no access|not a valid|invalid model|not supported in|is not supported\b)/i

/** Does a 400 say that the *model* is the problem? That is the operator's fault, not the caller's. */
function blamesModel(fault: UpstreamFault, model: string): boolean {
  if (/^(model_not_found|invalid_model|unknown_model|model_not_available)$/.test(fault.code ?? "")) return true
  const message = fault.message ?? ""
  if (fault.param === "model") return true
  // "X is not supported with this model" is about X; only a sentence about the model's own id counts
  return (
    message.includes(model) && UNKNOWN_MODEL.test(message) && /\bmodel\b/i.test(message) && !mentionsParameter(fault)
  )
}

function mentionsParameter(fault: UpstreamFault): boolean {
  return (
    fault.param !== null ||
    /\b(parameter|max_tokens|temperature|tool|tools|reasoning|effort|thinking)\b/i.test(fault.message ?? "")
  )
}
