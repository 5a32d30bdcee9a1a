import { describe, expect, test } from "bun:test"
import { responsesCodec } from "./codec.ts"
import { writeResponseError } from "./failure.ts"

describe("an upstream's error", () => {
  test.each([
    [400, { error: { message: "bad", type: "invalid_request_error", code: "x", param: "input" } }, "invalid-request"],
    [400, { error: { message: "…maximum context length is…" } }, "context-too-long"],
    [400, { error: { message: "m", code: "context_length_exceeded" } }, "context-too-long"],
    [400, { error: { message: "m", code: "content_policy_violation" } }, "content-policy"],
    [401, { error: { message: "m" } }, "unauthorized"],
    [404, { error: { message: "m", code: "model_not_found" } }, "not-found"],
    [413, undefined, "too-large"],
    [429, { error: { message: "m", code: "insufficient_quota" } }, "quota-exhausted"],
    [429, { error: { message: "m", code: "rate_limit_exceeded" } }, "rate-limited"],
    [500, { error: { message: "m", code: "invalid_prompt" } }, "server"],
    [503, "overloaded", "overloaded"],
    [529, { error: "busy" }, "overloaded"],
  ] as const)("with %d and %j is %s", (status, body, kind) => {
    expect(responsesCodec.readError(status, body)).toMatchObject({ kind, status })
  })

  test("has its words found wherever servers put them", () => {
    const words = (body: Parameters<typeof responsesCodec.readError>[1]): string =>
      responsesCodec.readError(400, body).message
    expect(words({ error: { message: "a" } })).toBe("a")
    expect(words({ error: "b" })).toBe("b")
    expect(words({ message: "c", code: 400 })).toBe("c")
    expect(words({ detail: "d" })).toBe("d")
    expect(words({ detail: [{ msg: "e" }, { msg: "f" }] })).toBe("e; f")
    expect(words(undefined)).toBe("The upstream answered with status 400.")
  })
})

describe("an error told to a client", () => {
  test("keeps the vendor's words", () => {
    const body = { error: { message: "m", type: "invalid_request_error", code: "unsupported_file", param: "input" } }
    const failure = responsesCodec.readError(400, body)
    expect(responsesCodec.writeError(failure, "req_1")).toEqual({ error: { ...body.error, request_id: "req_1" } })
  })

  test("says in this dialect's words what came without any", () => {
    const failure = { kind: "context-too-long", status: 400, message: "prompt is too long" } as const
    expect(responsesCodec.writeError(failure, "req_1")).toEqual({
      error: {
        type: "invalid_request_error",
        code: "context_length_exceeded",
        message: "prompt is too long",
        param: null,
        request_id: "req_1",
      },
    })
  })

  test("carries details, and the router's own codes as type", () => {
    const details = { error_code: "x" }
    const failure = {
      kind: "invalid-request",
      status: 400,
      message: "m",
      code: "stateful-unsupported",
      details,
    } as const
    expect(responsesCodec.writeError(failure, "req_1")).toMatchObject({
      error: { type: "stateful-unsupported", code: "stateful-unsupported", details },
    })
  })

  test.each([
    [{ kind: "server", code: "upstream-failed" }, "server_error"],
    [{ kind: "overloaded" }, "server_error"],
    [{ kind: "protocol" }, "server_error"],
    [{ kind: "rate-limited" }, "rate_limit_exceeded"],
    [{ kind: "quota-exhausted", code: "credit_balance" }, "insufficient_quota"],
    [{ kind: "context-too-long" }, "context_length_exceeded"],
    [{ kind: "content-policy", code: "cyber_policy" }, "cyber_policy"],
    [{ kind: "invalid-request" }, "invalid_prompt"],
  ] as const)("inside of a stream of %j is %s", (failure, code) => {
    expect(writeResponseError({ status: null, message: "m", ...failure })).toEqual({ code, message: "m" })
  })
})
