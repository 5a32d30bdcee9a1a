/** The error catalogue: everything that a caller can be told, once. */
import type { Entry } from "./error-entry.ts"

export type ErrorCode =
  | "invalid-json"
  | "invalid-request"
  | "invalid-report-filter"
  | "duplicate-key"
  | "missing-model"
  | "ambiguous-credentials"
  | "stateful-unsupported"
  | "translation-loss"
  | "provider-hosted-tools-forbidden"
  | "pii-filter-blocked"
  | "pii-filter-sealed"
  | "unauthorized"
  | "model-not-allowed"
  | "key-disabled"
  | "key-suspended"
  | "key-expired"
  | "key-rotated"
  | "key-exhausted"
  | "metrics-forbidden"
  | "admin-forbidden"
  | "cross-site-request"
  | "reports-forbidden"
  | "content-forbidden"
  | "content-held"
  | "not-found"
  | "method-not-allowed"
  | "body-too-large"
  | "unsupported-media-type"
  | "websocket-unsupported"
  | "rpm-exceeded"
  | "tpm-exceeded"
  | "concurrency-exceeded"
  | "body-memory-exceeded"
  | "quota-exhausted"
  | "spend-exhausted"
  | "traffic-shaped"
  | "sign-in-limited"
  | "oidc-login-rate-limited"
  | "client-closed"
  | "internal-error"
  | "report-query-failed"
  | "content-unreadable"
  | "routing-policy-error"
  | "pii-filter-failed"
  | "upstream-failed"
  | "output-cap-ignored"
  | "upstream-refused"
  | "no-eligible-target"
  | "upstream-capacity-throttled"
  | "upstream-rate-limited"
  | "upstream-quota-exhausted"
  | "upstream-access-denied"
  | "usage-store-unavailable"
  | "shared-state-unavailable"
  | "identity-provider-unavailable"
  | "reports-disabled"
  | "security-reports-disabled"
  | "overloaded"
  | "shutting-down"
  | "upstream-timeout"

export const CATALOGUE: Readonly<Record<ErrorCode, Entry>> = {
  "invalid-json": { status: 400, blame: "caller", retryable: false, message: "The body is not valid JSON." },
  "invalid-request": { status: 400, blame: "caller", retryable: false, message: "The request is not valid." },
  "invalid-report-filter": {
    status: 400,
    blame: "caller",
    retryable: false,
    message: "A parameter of the report is not valid.",
  },
  "duplicate-key": {
    status: 400,
    blame: "caller",
    retryable: false,
    message: "A key that the router reads stands twice in the body.",
  },
  "missing-model": {
    status: 400,
    blame: "caller",
    retryable: false,
    message: "The request names no model and no default model group is configured.",
  },
  "ambiguous-credentials": {
    status: 400,
    blame: "caller",
    retryable: false,
    message: "The two credentials of this call belong to different callers.",
  },
  "stateful-unsupported": {
    status: 400,
    blame: "caller",
    retryable: false,
    message: "No target of this model group can hold server-side state.",
  },
  "translation-loss": {
    status: 400,
    blame: "caller",
    retryable: false,
    message: "The request cannot be translated without a loss, and the model group forbids losses.",
  },
  "provider-hosted-tools-forbidden": {
    status: 400,
    blame: "caller",
    retryable: false,
    message: "Tools that the provider executes are not allowed in this model group.",
  },
  "pii-filter-blocked": {
    status: 400,
    blame: "caller",
    retryable: false,
    message: "The request holds personal data that this model group refuses.",
  },
  "pii-filter-sealed": {
    status: 400,
    blame: "caller",
    retryable: false,
    message:
      "Personal data stands in signed or sealed reasoning, which would be void after a change. Leave that reasoning out.",
  },
  unauthorized: { status: 401, blame: "caller", retryable: false, message: "The token is missing or unknown." },
  "model-not-allowed": {
    status: 403,
    blame: "caller",
    retryable: false,
    message: "This token may not use the requested model group.",
  },
  "key-disabled": { status: 403, blame: "caller", retryable: false, message: "This token is disabled." },
  "key-suspended": { status: 403, blame: "caller", retryable: false, message: "This token is suspended." },
  "key-expired": { status: 403, blame: "caller", retryable: false, message: "This token has expired." },
  "key-rotated": { status: 403, blame: "caller", retryable: false, message: "This token was replaced by a newer one." },
  "key-exhausted": {
    status: 403,
    blame: "caller",
    retryable: false,
    message: "The lifetime budget of this token is spent.",
  },
  "metrics-forbidden": { status: 403, blame: "caller", retryable: false, message: "This token may not read metrics." },
  "admin-forbidden": { status: 403, blame: "caller", retryable: false, message: "This is not permitted to you." },
  "cross-site-request": {
    status: 403,
    blame: "caller",
    retryable: false,
    message: "A page of another site cannot do this.",
  },
  "reports-forbidden": { status: 403, blame: "caller", retryable: false, message: "These reports are not permitted." },
  "content-held": { status: 409, blame: "caller", retryable: false, message: "A legal hold keeps this content." },
  "content-forbidden": { status: 403, blame: "caller", retryable: false, message: "Stored content is not for you." },
  "not-found": { status: 404, blame: "caller", retryable: false, message: "There is nothing at this path." },
  "method-not-allowed": {
    status: 405,
    blame: "caller",
    retryable: false,
    message: "This path does not take this method.",
  },
  "body-too-large": {
    status: 413,
    blame: "caller",
    retryable: false,
    message: "The body is larger than this router accepts.",
  },
  "unsupported-media-type": {
    status: 415,
    blame: "caller",
    retryable: false,
    message: "The body must be application/json without content encoding.",
  },
  "websocket-unsupported": {
    status: 426,
    blame: "caller",
    retryable: false,
    message: "This router speaks HTTP with server-sent events, not WebSocket.",
  },
  "rpm-exceeded": { status: 429, blame: "caller", retryable: true, message: "Too many requests in this minute." },
  "tpm-exceeded": { status: 429, blame: "caller", retryable: true, message: "Too many tokens in this minute." },
  "concurrency-exceeded": { status: 429, blame: "caller", retryable: true, message: "Too many calls at once." },
  "body-memory-exceeded": { status: 429, blame: "caller", retryable: true, message: "Too many body bytes at once." },
  "quota-exhausted": { status: 429, blame: "caller", retryable: false, message: "The quota is spent." },
  "spend-exhausted": { status: 429, blame: "caller", retryable: false, message: "The budget is spent." },
  "traffic-shaped": { status: 429, blame: "caller", retryable: true, message: "Traffic shaping held the call back." },
  "sign-in-limited": { status: 429, blame: "caller", retryable: true, message: "Too many sign-ins fail or wait." },
  "oidc-login-rate-limited": {
    status: 429,
    blame: "caller",
    retryable: true,
    message: "Too many sign-ins are on their way to the identity provider.",
  },
  "client-closed": {
    status: 499,
    blame: "caller",
    retryable: true,
    message: "The client left before the answer was complete.",
  },
  "internal-error": {
    status: 500,
    blame: "router",
    retryable: true,
    message: "The router failed to handle this call.",
  },
  "report-query-failed": {
    status: 500,
    blame: "router",
    retryable: true,
    message: "The report cannot be made at the moment.",
  },
  "content-unreadable": {
    status: 500,
    blame: "operator",
    retryable: false,
    message: "Stored content cannot be opened.",
  },
  "routing-policy-error": {
    status: 502,
    blame: "operator",
    retryable: false,
    message: "The routing policy of this model group failed.",
  },
  "pii-filter-failed": {
    status: 502,
    blame: "operator",
    retryable: false,
    message: "The privacy filter of this model group could not run.",
  },
  "upstream-failed": { status: 502, blame: "upstream", retryable: true, message: "The upstream failed." },
  "output-cap-ignored": { status: 502, blame: "upstream", retryable: false, message: "The upstream ignored the cap." },
  "upstream-refused": {
    status: 502,
    blame: "upstream",
    retryable: false,
    message: "The upstream refused the request.",
  },
  "no-eligible-target": {
    status: 400,
    blame: "operator",
    retryable: false,
    message: "No target of this model group can serve this call.",
  },
  "upstream-capacity-throttled": {
    status: 503,
    blame: "upstream",
    retryable: true,
    message: "All targets of this model group are throttled.",
  },
  "upstream-rate-limited": {
    status: 503,
    blame: "upstream",
    retryable: true,
    message: "The upstream limits its rate.",
  },
  "upstream-quota-exhausted": {
    status: 503,
    blame: "operator",
    retryable: true,
    message: "The upstream reports an exhausted quota or balance.",
  },
  "upstream-access-denied": {
    status: 503,
    blame: "operator",
    retryable: true,
    message: "The upstream denies access to this model.",
  },
  "usage-store-unavailable": {
    status: 503,
    blame: "router",
    retryable: true,
    message: "Calls cannot be recorded at the moment, so none is served.",
  },
  "shared-state-unavailable": {
    status: 503,
    blame: "router",
    retryable: true,
    message: "Limits cannot be counted at the moment, so no call that has some is served.",
  },
  "identity-provider-unavailable": {
    status: 503,
    blame: "upstream",
    retryable: true,
    message: "The identity provider does not answer as it should.",
  },
  "reports-disabled": { status: 503, blame: "operator", retryable: false, message: "Reports are switched off." },
  "security-reports-disabled": {
    status: 503,
    blame: "operator",
    retryable: false,
    message: "Security reports are switched off.",
  },
  overloaded: { status: 503, blame: "router", retryable: true, message: "The router has no room at the moment." },
  "shutting-down": { status: 503, blame: "router", retryable: true, message: "The router is shutting down." },
  "upstream-timeout": {
    status: 504,
    blame: "upstream",
    retryable: true,
    message: "The upstream did not answer in time.",
  },
}
