import { expect, test } from "bun:test"
import { NO_FAULT, type UpstreamFault } from "../dialects/dialect.ts"
import { classifyFault, classifyStatus } from "./failure.ts"

const said = (message: string, more: Partial<UpstreamFault> = {}): UpstreamFault => ({ ...NO_FAULT, message, ...more })
const MODEL = "vendor-big-2026"

test("faults that another target could cure fail over, the caller's own do not", () => {
  const codes = (statuses: readonly number[]): unknown[] =>
    statuses.map((status) => {
      const { code, failover, relay } = classifyStatus(status, NO_FAULT, MODEL)
      return [status, code, failover, relay]
    })
  expect(codes([400, 413, 422, 401, 402, 403, 404, 408, 429, 500, 503, 529, 307, 409, 418, 424])).toEqual([
    [400, "invalid-request", false, true],
    [413, "body-too-large", false, true],
    [422, "invalid-request", false, true],
    [401, "upstream-access-denied", true, false],
    [402, "upstream-quota-exhausted", true, false],
    [403, "upstream-access-denied", true, false],
    [404, "upstream-access-denied", true, false],
    [408, "upstream-timeout", true, false],
    [429, "upstream-rate-limited", true, false],
    [500, "upstream-failed", true, false],
    [503, "upstream-failed", true, false],
    [529, "upstream-failed", true, false],
    [307, "upstream-failed", true, false],
    [409, "invalid-request", true, true],
    [418, "upstream-refused", false, false],
    [424, "upstream-failed", true, false],
  ])
})

test("a 429 that speaks of money is a quota", () => {
  expect(classifyStatus(429, said("", { code: "insufficient_quota" }), MODEL).code).toBe("upstream-quota-exhausted")
})

test("a 400 is the operator's fault only when it says that the model does not exist", () => {
  const code = (fault: UpstreamFault): string => classifyStatus(400, fault, MODEL).code
  for (const fault of [
    said("The model `vendor-big-2026` does not exist or you do not have access to it."),
    said("vendor-big-2026 is not a valid model ID"),
    said("nope", { code: "model_not_found" }),
    said("bad", { param: "model" }),
  ])
    expect(code(fault)).toBe("upstream-access-denied")
  for (const fault of [
    said("max_tokens: 32000 > 8192, which is the maximum allowed for vendor-big-2026"),
    said("Unsupported parameter: 'temperature' is not supported with this model.", { param: "temperature" }),
    said("This model does not support effort level 'xhigh'."),
    said("vendor-big-2026 does not support tools; the tool was not found"),
    said("prompt is too long: 210000 tokens > 200000 maximum"),
  ])
    expect(code(fault)).toBe("invalid-request")
})

test("errors inside a 200 are classified by their type or code", () => {
  const code = (more: Partial<UpstreamFault>): string => classifyFault({ ...NO_FAULT, message: "x", ...more }).code
  expect(code({ type: "rate_limit_error" })).toBe("upstream-rate-limited")
  expect(code({ code: "rate_limit_exceeded" })).toBe("upstream-rate-limited")
  expect(code({ type: "billing_error" })).toBe("upstream-quota-exhausted")
  expect(code({ type: "authentication_error" })).toBe("upstream-access-denied")
  expect(code({ type: "timeout_error" })).toBe("upstream-timeout")
  expect(code({ type: "overloaded_error" })).toBe("upstream-failed")
  expect(classifyFault(NO_FAULT).class).toBe("malformed_answer")
})

test("only what no caller can cause counts against a target", () => {
  const byStatus = (statuses: readonly number[]): readonly number[] =>
    statuses.filter((status) => classifyStatus(status, NO_FAULT, MODEL).counts)
  expect(byStatus([400, 413, 422, 401, 402, 403, 404, 408, 409, 429, 500, 503, 529, 307])).toEqual([
    401, 408, 500, 503, 529, 307,
  ])
  for (const status of [400, 403, 404])
    expect(classifyStatus(status, said("nope", { code: "model_not_found" }), MODEL).counts).toBe(true)
  const inside = (more: Partial<UpstreamFault>): boolean => classifyFault({ ...NO_FAULT, message: "x", ...more }).counts
  for (const type of ["overloaded_error", "api_error", "server_error", "timeout_error"])
    expect(inside({ type })).toBe(true)
  for (const type of ["invalid_request_error", "rate_limit_error", "billing_error", "request_too_large"])
    expect(inside({ type })).toBe(false)
  for (const code of ["context_length_exceeded", "content_policy_violation", "insufficient_quota"])
    expect(inside({ code })).toBe(false)
})

test("a request that is too long is about the request, whatever status says so; another target may take it", () => {
  const long = said("The input (12345 tokens) is longer than the model's context length (8192 tokens).")
  const told = { class: "bad_request", code: "invalid-request", failover: true, counts: false, relay: true } as const
  for (const status of [429, 500, 503]) expect(classifyStatus(status, long, MODEL)).toMatchObject(told)
  expect(classifyFault(long)).toMatchObject(told)
  // by its status it is final
  expect(classifyStatus(400, long, MODEL)).toMatchObject({ failover: false, relay: true })
  expect(classifyStatus(429, { ...long, code: "insufficient_quota" }, MODEL).code).toBe("upstream-quota-exhausted")
  for (const code of ["400", "cyber_policy", "image_too_large", "INVALID_ARGUMENT"])
    expect(classifyFault({ ...NO_FAULT, code })).toMatchObject(told)
})
