/** Decides what an upstream's failure means: for the caller, for the next target, and for the ledger. Pure. */
import type { ErrorCode } from "../error-catalogue.ts"
import { overflowIn } from "../canonical/overflow.ts"
import type { UpstreamFault } from "../dialects/dialect.ts"
import type { Reason } from "../reasons.ts"
import { safeWords } from "./reason.ts"

/** Closed list, as in the ledger's `error_class`. */
export type FailureClass =
  | "network"
  | "stale_connection"
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
  | "internal"

export interface AttemptFailure {
  readonly class: FailureClass
  /** What the caller is told when no other target helps. */
  readonly code: ErrorCode
  /** Could another target cure it? */
  readonly failover: boolean
  /** A fault of the provider, which no caller can cause: it counts towards opening the target's breaker. */
  readonly counts: boolean
  /** The upstream's answer is about the request itself and is relayed. */
  readonly relay: boolean
  /** For operators; reaches callers as a word of a closed list. */
  readonly reason: Reason
  /** What the vendor's own words add to the reason, where they are safe; null: nothing. For operators only. */
  readonly words: string | null
}

const failing = (kind: FailureClass, code: ErrorCode, reason: Reason, counts = true): AttemptFailure => ({
  class: kind,
  code,
  failover: true,
  counts,
  relay: false,
  reason,
  words: null,
})
const final = (kind: FailureClass, code: ErrorCode, reason: Reason, relay = false): AttemptFailure => ({
  class: kind,
  code,
  failover: false,
  counts: false,
  relay,
  reason,
  words: null,
})

/** The same failure with a reason that says more. */
export function because(failure: AttemptFailure, reason: Reason, words: string | null = failure.words): AttemptFailure {
  return { ...failure, reason, words }
}

export const NETWORK: AttemptFailure = failing("network", "upstream-failed", "closed")
/** A kept connection was closing when the request was written: the upstream has not worked on it, and is not to blame. */
export const STALE: AttemptFailure = failing("stale_connection", "upstream-failed", "closed", false)
export const TIMEOUT: AttemptFailure = failing("timeout", "upstream-timeout", "whole-timeout")
export const MALFORMED: AttemptFailure = failing("malformed_answer", "upstream-failed", "no-answer")
export const EMPTY_STREAM: AttemptFailure = failing("empty_stream", "upstream-failed", "empty-stream")
export const BROKEN_STREAM: AttemptFailure = failing("stream_broken", "upstream-failed", "stream-broken")
export const CLIENT_LEFT: AttemptFailure = final("client_cancel", "client-closed", "client-left")
/** The router itself failed while it was at it: no target is to blame, and another one would fare alike. */
export const INTERNAL: AttemptFailure = final("internal", "internal-error", "internal")
/** The router has no socket left: that is no fault of a target, and another one would fare alike. */
export const OVERLOADED: AttemptFailure = final("internal", "overloaded", "no-room")
/** The router stops, and has ended the attempt. */
export const STOPPED: AttemptFailure = final("internal", "shutting-down", "stopped")
/** A 404 about the state that the call points at, not about the model. */
export const STATE_GONE: AttemptFailure = final("bad_request", "not-found", "state-gone", true)
/** A plain request reached a port where TLS is spoken: the operator's `base_url`, whatever the caller sent. */
export const TLS_EXPECTED: AttemptFailure = failing("network", "upstream-failed", "tls-expected")
// a provider that limits is alive: what helps is a pause, not the breaker
const RATE_LIMITED = failing("rate_limited", "upstream-rate-limited", "rate-limited", false)
const QUOTA = failing("quota_exhausted", "upstream-quota-exhausted", "quota-exhausted", false)
/** A 403 or 404 may be about what the caller sent (moderation, an object that is gone). */
const DENIED = failing("access_denied", "upstream-access-denied", "access-denied", false)
/** The router's own key, or a model that it names itself: every call fares alike. */
const SHUT_OUT = failing("access_denied", "upstream-access-denied", "key-refused")
const SERVER_ERROR = failing("server_error", "upstream-failed", "upstream-error")
/** An error that speaks of the request, though its status does not. Another target may take it; else it is relayed. */
const REQUEST_FAULT: AttemptFailure = {
  ...failing("bad_request", "invalid-request", "request-refused", false),
  relay: true,
}

/** Vendors' clients know it as an error of its own, and try again. Another target may take the call meanwhile. */
const CONFLICT: AttemptFailure = { ...failing("bad_request", "invalid-request", "conflict", false), relay: true }
/** TGI says so of a generation that failed, Azure of something that the call depends on. */
const FAILED_DEPENDENCY = failing("server_error", "upstream-failed", "upstream-error", false)

/** A status other than 2xx. */
export function classifyStatus(status: number, fault: UpstreamFault, model: string): AttemptFailure {
  const failure = failureOfStatus(status, fault, model)
  return { ...failure, words: safeWords(fault, failure.relay ? fault.param : null) }
}

function failureOfStatus(status: number, fault: UpstreamFault, model: string): AttemptFailure {
  if (status === 400 || status === 422) {
    if (blamesModel(fault, model)) return because(namesNoModel(fault) ? SHUT_OUT : DENIED, "model-unknown")
    return final("bad_request", "invalid-request", "request-refused", true)
  }
  if (status === 413) return final("request_too_large", "body-too-large", "request-too-large", true)
  if (status === 401) return SHUT_OUT
  if (status === 451) return DENIED
  if (status === 403) return namesNoModel(fault) ? because(SHUT_OUT, "model-unknown") : DENIED
  if (status === 404 || status === 405 || status === 410) return notFound(fault, model)
  if (status === 409) return overflowIn(fault) === null ? CONFLICT : REQUEST_FAULT
  if (status === 424) return FAILED_DEPENDENCY
  if (status === 402) return QUOTA
  if (status === 407) return failing("network", "upstream-failed", "proxy-refused")
  if (status === 429 && isQuota(fault)) return QUOTA
  if ((status === 429 || status >= 500) && overflowIn(fault) !== null) return REQUEST_FAULT
  // 498: Groq's flex tier has no capacity
  if (status === 429 || status === 498) return RATE_LIMITED
  if (status === 408) return failing("timeout", "upstream-timeout", "upstream-timeout")
  if (status === 503 || status === 529) return because(SERVER_ERROR, "overloaded")
  if (status >= 500) return status === 504 ? because(SERVER_ERROR, "upstream-timeout") : SERVER_ERROR
  if (status >= 300 && status < 400) return failing("redirect", "upstream-failed", "redirect")
  return final("refused", "upstream-refused", "status-refused")
}

/** A 404 speaks of the model, of something that the caller named, or of the path, which every call shares. */
function notFound(fault: UpstreamFault, model: string): AttemptFailure {
  if (namesNoModel(fault)) return because(SHUT_OUT, "model-unknown")
  const words = [fault.message, fault.code, fault.type].filter((word) => word !== null).join(" ")
  if (/model|deployment/i.test(words) || words.includes(model)) return because(DENIED, "model-unknown")
  return because(DENIED, fault.param !== null || NAMES_OBJECT.test(words) ? "access-denied" : "path-not-found")
}

/** Of a 404: an object with an id, which a caller may have named. */
const NAMES_OBJECT = /\b(file|image|item|response|conversation|container|thread|vector|batch|prompt|object)s?\b/i

/** An error inside an answer with status 200, unary or streamed. */
export function classifyFault(fault: UpstreamFault): AttemptFailure {
  const failure = failureOfFault(fault)
  const words = safeWords(fault)
  return words === null ? failure : { ...failure, words }
}

function failureOfFault(fault: UpstreamFault): AttemptFailure {
  if (isQuota(fault)) return QUOTA
  if (overflowIn(fault) !== null) return REQUEST_FAULT
  if (matches(fault, /^(rate_limit|too_many_requests|429)/)) return RATE_LIMITED
  if (matches(fault, /^model_not_found/)) return because(SHUT_OUT, "model-unknown")
  if (matches(fault, /^(authentication|invalid_api_key|401)/)) return SHUT_OUT
  if (matches(fault, /^(permission|403)/)) return DENIED
  if (matches(fault, /^(timeout|504)/)) return because(TIMEOUT, "upstream-timeout")
  if (matches(fault, /^(conflict|409)/)) return CONFLICT
  if (matches(fault, ABOUT_REQUEST)) return REQUEST_FAULT
  if (matches(fault, /overloaded|^(503|529)/)) return because(SERVER_ERROR, "overloaded")
  return fault.type === null && fault.code === null && fault.message === null ? MALFORMED : SERVER_ERROR
}

const ABOUT_REQUEST =
  /^(invalid_(request|prompt|image|base64|argument)|bad_?request|request_too_large|string_above_max|content_(policy|filter)|\w+_policy|(image|unsupported_image|empty_image|failed_to_download)_|400|413|422)/i

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
  if (namesNoModel(fault)) return true
  const message = fault.message ?? ""
  if (fault.param === "model") return true
  // "X is not supported with this model" is about X; only a sentence about the model's own id counts
  return (
    message.includes(model) && UNKNOWN_MODEL.test(message) && /\bmodel\b/i.test(message) && !mentionsParameter(fault)
  )
}

function namesNoModel({ code }: UpstreamFault): boolean {
  return /^(model_not_found|invalid_model|unknown_model|model_not_available)$/.test(code ?? "")
}

function mentionsParameter(fault: UpstreamFault): boolean {
  return (
    fault.param !== null ||
    /\b(parameter|max_tokens|temperature|tool|tools|reasoning|effort|thinking)\b/i.test(fault.message ?? "")
  )
}
