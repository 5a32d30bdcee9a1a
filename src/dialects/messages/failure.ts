/** Errors as failures, and failures as Anthropic's errors: https://platform.claude.com/docs/en/api/errors */

import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import { failureKindOf, recogniseOverflow, type Failure, type FailureKind } from "../../canonical/reply.ts"
import { bodyFault, faultOf } from "../error-words.ts"
import { overflowWords } from "./overflow-words.ts"
import { objectField, textField } from "./wire.ts"

const KINDS: ReadonlyMap<string, FailureKind> = new Map([
  ["invalid_request_error", "invalid-request"],
  ["authentication_error", "unauthorized"],
  ["billing_error", "quota-exhausted"],
  ["permission_error", "forbidden"],
  ["not_found_error", "not-found"],
  ["request_too_large", "too-large"],
  ["rate_limit_error", "rate-limited"],
  ["api_error", "server"],
  ["timeout_error", "timeout"],
  ["overloaded_error", "overloaded"],
])

const TYPES: Readonly<Record<FailureKind, string>> = {
  "invalid-request": "invalid_request_error",
  "context-too-long": "invalid_request_error",
  "output-too-long": "invalid_request_error",
  "content-policy": "invalid_request_error",
  unauthorized: "authentication_error",
  forbidden: "permission_error",
  "not-found": "not_found_error",
  "too-large": "request_too_large",
  "rate-limited": "rate_limit_error",
  "quota-exhausted": "rate_limit_error",
  overloaded: "overloaded_error",
  timeout: "timeout_error",
  server: "api_error",
  protocol: "api_error",
}

/** What an `invalid_request_error` is about, where only its words tell. */
const TELLING: readonly (readonly [words: RegExp, kind: FailureKind])[] = [
  [/content filtering policy/i, "content-policy"],
  [/credit balance is too low/i, "quota-exhausted"],
]

/** An upstream's answer of another status, or (`status` null) the error of a stream. */
export function readFailure(status: number | null, body: JsonValue | undefined): Failure {
  const fault = typeof body === "string" ? faultOf(body) : bodyFault(body)
  const { message, type, param } = fault
  const details = detailsOf(body)
  const code = fault.code ?? (details === null ? null : textField(details, "error_code"))
  return recogniseOverflow({
    kind: kindOf(status, type, message ?? ""),
    status,
    message: message ?? (status === null ? "The upstream failed." : `The upstream answered with status ${status}.`),
    ...(type === null ? {} : { type }),
    ...(code === null ? {} : { code }),
    ...(param === null ? {} : { param }),
    ...(details === null ? {} : { details }),
  })
}

/** A 200 that is no message: its error, or the statement that it is none. */
export function readNoReply(body: JsonValue | undefined): Failure {
  const hasError = isObject(body) && (body["type"] === "error" || isObject(body["error"]))
  if (hasError) return readFailure(null, body)
  return { kind: "protocol", status: null, message: "The upstream's answer is not a message." }
}

function detailsOf(body: JsonValue | undefined): JsonObject | null {
  const error = isObject(body) ? body["error"] : undefined
  return isObject(error) ? objectField(error, "details") : null
}

function kindOf(status: number | null, type: string | null, message: string): FailureKind {
  const kind = KINDS.get(type ?? "") ?? (status === null ? "server" : failureKindOf(status))
  if (kind !== "invalid-request") return kind
  return TELLING.find(([words]) => words.test(message))?.[1] ?? kind
}

/** `requestId` null: inside a stream, whose headers named it. */
export function writeFailure(failure: Failure, requestId: string | null): JsonObject {
  const { kind, code, param, details } = failure
  const isVendors = failure.type !== undefined && KINDS.has(failure.type) && failure.overflow === undefined
  return {
    type: "error",
    error: {
      type: isVendors ? failure.type : TYPES[kind],
      message: overflowWords(failure),
      ...(code === undefined ? {} : { code }),
      ...(param === undefined ? {} : { param }),
      ...(details === undefined ? {} : { details }),
    },
    ...(requestId === null ? {} : { request_id: requestId }),
  }
}
