/** Errors as failures, and failures as Anthropic's errors: https://platform.claude.com/docs/en/api/errors */

import { isObject, type JsonObject, type JsonValue } from "../../canonical/json.ts"
import { failureKindOf, type Failure, type FailureKind } from "../../canonical/reply.ts"
import { numberOf, objectField, textField } from "./wire.ts"

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
  [/prompt is too long|exceed\w* (?:the )?(?:model'?s? )?context (?:limit|window|length)/i, "context-too-long"],
  [/content filtering policy/i, "content-policy"],
  [/credit balance is too low/i, "quota-exhausted"],
]

/** Anthropic's clients compact a conversation when they read these words. */
const TOO_LONG = "prompt is too long"

/** An upstream's answer of another status, or (`status` null) the error of a stream. */
export function readFailure(status: number | null, body: JsonValue | undefined): Failure {
  const error = errorOf(body)
  const message = textField(error, "message")
  const type = textField(error, "type")
  const details = objectField(error, "details")
  const code = codeOf(error, details)
  const param = textField(error, "param")
  return {
    kind: kindOf(status, type, message ?? ""),
    status,
    message: message ?? (status === null ? "The upstream failed." : `The upstream answered with status ${status}.`),
    ...(type === null ? {} : { type }),
    ...(code === null ? {} : { code }),
    ...(param === null ? {} : { param }),
    ...(details === null ? {} : { details }),
  }
}

/** A 200 that is no message: its error, or the statement that it is none. */
export function readNoReply(body: JsonValue | undefined): Failure {
  const hasError = isObject(body) && (body["type"] === "error" || isObject(body["error"]))
  if (hasError) return readFailure(null, body)
  return { kind: "protocol", status: null, message: "The upstream's answer is not a message." }
}

function errorOf(body: JsonValue | undefined): JsonObject {
  if (!isObject(body)) return {}
  const error = body["error"]
  if (typeof error === "string") return { message: error }
  return isObject(error) ? error : body
}

function codeOf(error: JsonObject, details: JsonObject | null): string | null {
  const number = numberOf(error["code"])
  return textField(error, "code") ?? (number === null ? textField(details ?? {}, "error_code") : String(number))
}

function kindOf(status: number | null, type: string | null, message: string): FailureKind {
  const kind = KINDS.get(type ?? "") ?? (status === null ? "server" : failureKindOf(status))
  if (kind !== "invalid-request") return kind
  return TELLING.find(([words]) => words.test(message))?.[1] ?? kind
}

/** `requestId` null: inside a stream, whose headers named it. */
export function writeFailure(failure: Failure, requestId: string | null): JsonObject {
  const { kind, message, code, param, details } = failure
  const isUnnamed = kind === "context-too-long" && !message.toLowerCase().includes(TOO_LONG)
  return {
    type: "error",
    error: {
      type: failure.type !== undefined && KINDS.has(failure.type) ? failure.type : TYPES[kind],
      message: isUnnamed ? `${TOO_LONG}: ${message}` : message,
      ...(code === undefined ? {} : { code }),
      ...(param === undefined ? {} : { param }),
      ...(details === undefined ? {} : { details }),
    },
    ...(requestId === null ? {} : { request_id: requestId }),
  }
}
