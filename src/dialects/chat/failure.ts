/** Failures as Chat Completions servers write them. https://platform.openai.com/docs/guides/error-codes */

import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import { failureKindOf, recogniseOverflow, type Failure, type FailureKind } from "../../canonical/reply.ts"
import type { RouterError } from "../../errors.ts"
import type { UpstreamFault } from "../dialect.ts"
import { bodyFault, faultOf } from "../error-words.ts"
import { overflowCode, renderOpenAiError } from "../openai-error.ts"
import { VendorRefusal } from "../vendor-refusal.ts"
import { isAbsent, numberOf, objectOf } from "./wire.ts"

/** An answer of an error status. */
export function readError(status: number, body: JsonValue | undefined): Failure {
  return failureOf(typeof body === "string" ? faultOf(body) : bodyFault(body), status, null)
}

/** What says why, in a body or in a frame. */
export function errorIn(body: JsonValue | undefined): JsonValue | undefined {
  const error = objectOf(body)?.["error"]
  return isAbsent(error) ? body : error
}

const UNTOLD = "The upstream reported an error without a message."

/** Inside of an answer or a stream; a code that is a status stands for it. */
export function readFailure(error: JsonValue | undefined): Failure {
  const object = objectOf(error)
  return failureOf(faultOf(error), null, numberOf(object?.["code"]) ?? numberOf(object?.["status_code"]))
}

function failureOf(fault: UpstreamFault, status: number | null, number: number | null | undefined): Failure {
  const { type, code, param } = fault
  const message = fault.message ?? UNTOLD
  return recogniseOverflow({
    kind: kindOf({ type, code, status: status ?? statusOf(number ?? undefined) }),
    status,
    message,
    ...(type === null ? {} : { type }),
    ...(code === null ? {} : { code }),
    ...(param === null ? {} : { param }),
  })
}

const FIRST_ERROR_STATUS = 400
const LAST_STATUS = 599

function statusOf(code: number | undefined): number | null {
  return code !== undefined && code >= FIRST_ERROR_STATUS && code <= LAST_STATUS ? code : null
}

/** Words of `code` and `type`; the first line that fits counts. */
const WORDS: readonly (readonly [form: RegExp, kind: FailureKind])[] = [
  [/insufficient_quota|billing|quota_exceeded|usage_limit_reached|insufficient_balance|credit/, "quota-exhausted"],
  [/content_policy|content_filter|responsibleai|moderation|safety/, "content-policy"],
  [/rate_limit|too_many_requests|throttl/, "rate-limited"],
  [/overloaded|unavailable|capacity|engine_busy/, "overloaded"],
  [/timeout/, "timeout"],
  [/authentication|invalid_api_key|unauthorized/, "unauthorized"],
  [/permission|forbidden/, "forbidden"],
  [/not_found/, "not-found"],
]

interface Clues {
  readonly type: string | null
  readonly code: string | null
  readonly status: number | null
}

function kindOf({ type, code, status }: Clues): FailureKind {
  const named = `${code ?? ""} ${type ?? ""}`.toLowerCase()
  const isVague = status === null || status === 400 || status === 422 || status === 429
  const known = isVague ? WORDS.find(([form]) => form.test(named))?.[1] : undefined
  if (known !== undefined) return known
  if (status !== null) return failureKindOf(status)
  return /invalid|bad_request|unsupported|validation|tool_use_failed/.test(named) ? "invalid-request" : "server"
}

/** An answer that is none of this dialect. */
export function protocolFailure(message: string): Failure {
  return { kind: "protocol", status: null, message }
}

interface Words {
  readonly type: string
  readonly code: string | null
}

/** OpenAI's words for what comes without a vendor's. */
const OWN_WORDS: Readonly<Record<FailureKind, Words>> = {
  "invalid-request": { type: "invalid_request_error", code: null },
  "context-too-long": { type: "invalid_request_error", code: "context_length_exceeded" },
  "output-too-long": { type: "invalid_request_error", code: "invalid_value" },
  unauthorized: { type: "authentication_error", code: "invalid_api_key" },
  forbidden: { type: "permission_error", code: null },
  "not-found": { type: "invalid_request_error", code: "model_not_found" },
  "too-large": { type: "invalid_request_error", code: "request_too_large" },
  "rate-limited": { type: "rate_limit_error", code: "rate_limit_exceeded" },
  "quota-exhausted": { type: "insufficient_quota", code: "insufficient_quota" },
  "content-policy": { type: "invalid_request_error", code: "content_policy_violation" },
  overloaded: { type: "overloaded_error", code: "server_is_overloaded" },
  timeout: { type: "timeout_error", code: "timeout" },
  server: { type: "server_error", code: null },
  protocol: { type: "server_error", code: null },
}

/** The object under `error`. */
export function errorObject(failure: Failure): JsonObject {
  const own = OWN_WORDS[failure.kind]
  return {
    type: failure.type ?? own.type,
    code: overflowCode(failure) ?? failure.code ?? own.code,
    message: failure.message,
    param: failure.param ?? null,
    ...(failure.details === undefined ? {} : { details: failure.details }),
  }
}

export function writeError(failure: Failure, requestId: string): JsonObject {
  return { error: { ...errorObject(failure), request_id: requestId } }
}

/** The body of an error answer: the upstream's words, or the router's. `told`: what the end of a stream says instead. */
export function renderError(error: RouterError, requestId: string, page: string | null, told?: Failure): string {
  return error instanceof VendorRefusal
    ? JSON.stringify(writeError(error.failure, requestId))
    : renderOpenAiError(error, requestId, page, told)
}
