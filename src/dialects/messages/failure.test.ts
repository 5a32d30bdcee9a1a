/** Errors keep the vendor's words, and mean the same on both sides. */
import { describe, expect, test } from "bun:test"
import type { JsonObject } from "../../canonical/json.ts"
import type { FailureKind } from "../../canonical/reply.ts"
import { readFailure, readNoReply, writeFailure } from "./failure.ts"

const error = (type: string, message = "words"): JsonObject => ({ type: "error", error: { type, message } })

describe("an upstream's error", () => {
  test.each([
    [400, error("invalid_request_error"), "invalid-request"],
    [400, error("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"), "context-too-long"],
    [400, error("invalid_request_error", "input length and max_tokens exceed context limit: 1"), "output-too-long"],
    [400, error("invalid_request_error", "Output blocked by content filtering policy"), "content-policy"],
    [400, error("invalid_request_error", "Your credit balance is too low"), "quota-exhausted"],
    [401, error("authentication_error"), "unauthorized"],
    [402, error("billing_error"), "quota-exhausted"],
    [403, error("permission_error"), "forbidden"],
    [404, error("not_found_error"), "not-found"],
    [413, error("request_too_large"), "too-large"],
    [429, error("rate_limit_error"), "rate-limited"],
    [500, error("api_error"), "server"],
    [504, error("timeout_error"), "timeout"],
    [529, error("overloaded_error"), "overloaded"],
    [529, undefined, "overloaded"],
    [502, "<html>", "server"],
    [422, { error: "flat" }, "invalid-request"],
    [200, error("overloaded_error"), "overloaded"],
  ] as const)("with %d and %j is %s", (status, body, kind) => {
    const failure = readFailure(status, body)
    expect(failure).toMatchObject({ kind: kind satisfies FailureKind, status })
    expect(failure.message).not.toBe("")
  })

  test("keeps its words, code and details", () => {
    const details = { error_code: "thread_not_found" }
    const body = {
      type: "error",
      error: { type: "not_found_error", message: "No such thread.", details, param: "thread" },
    }
    expect(readFailure(404, body)).toEqual({
      kind: "not-found",
      status: 404,
      message: "No such thread.",
      type: "not_found_error",
      code: "thread_not_found",
      param: "thread",
      details,
    })
    expect(readFailure(400, { error: { message: "m", code: 7 } })).toMatchObject({ code: "7", message: "m" })
  })
})

describe("an answer of status 200 that is none", () => {
  test("is the error that it holds, or a breach of protocol", () => {
    expect(readNoReply(error("overloaded_error"))).toMatchObject({ kind: "overloaded", status: null })
    for (const body of [undefined, "text", [], {}, { id: "chatcmpl-1", choices: [] }]) {
      expect(readNoReply(body)).toMatchObject({ kind: "protocol", status: null })
    }
  })
})

describe("an error for a client", () => {
  test.each([
    ["invalid-request", "invalid_request_error"],
    ["content-policy", "invalid_request_error"],
    ["unauthorized", "authentication_error"],
    ["forbidden", "permission_error"],
    ["not-found", "not_found_error"],
    ["too-large", "request_too_large"],
    ["rate-limited", "rate_limit_error"],
    ["quota-exhausted", "rate_limit_error"],
    ["overloaded", "overloaded_error"],
    ["timeout", "timeout_error"],
    ["server", "api_error"],
    ["protocol", "api_error"],
  ] as const)("of the kind %s is %s", (kind, type) => {
    const failure = {
      kind,
      status: null,
      message: "m",
      type: "some_other_vendors_type",
      code: "c",
      param: "p",
    } as const
    expect(writeFailure(failure, "req_1")).toEqual({
      type: "error",
      error: { type, message: "m", code: "c", param: "p" },
      request_id: "req_1",
    })
  })

  test("says in words that agents know that the conversation is too long", () => {
    const kind = "context-too-long"
    const other = writeFailure({ kind, status: 400, message: "This model's maximum is 8192 tokens." }, "r")
    expect(other).toMatchObject({ error: { message: "prompt is too long: This model's maximum is 8192 tokens." } })
    const own = "prompt is too long: 3 tokens > 2 maximum"
    expect(writeFailure({ kind, status: 400, message: own }, "r")).toMatchObject({ error: { message: own } })
  })
})
