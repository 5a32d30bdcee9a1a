/** What holds for every answer of the router, in one place. */
import { expect } from "bun:test"
import type { ErrorCode } from "../../src/error-catalogue.ts"
import { CATALOGUE } from "../../src/error-catalogue.ts"
import type { Answer } from "./client.ts"
import type { Dialect } from "./samples.ts"
import { at } from "./streams.ts"

const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  502: "api_error",
  503: "overloaded_error",
  529: "overloaded_error",
  504: "timeout_error",
}

export const REQUEST_ID: RegExp = /^req_[0-9a-f]{32}$/u
export const SERVER_TIMING: RegExp = /^router;dur=\d+(?:\.\d+)?(?:, upstream;dur=\d+(?:\.\d+)?)?$/u

export function parsed(answer: Answer): unknown {
  return JSON.parse(answer.text) as unknown
}

/** Headers that every answer carries, whatever it is. */
export function expectCommonHeaders(answer: Answer, dialect: Dialect): void {
  expect(answer.requestId).toMatch(REQUEST_ID)
  expect(answer.headers.get("server-timing") ?? "").toMatch(SERVER_TIMING)
  if (dialect === "messages") expect(answer.headers.get("request-id")).toBe(answer.requestId)
  expect(answer.headers.get("content-encoding")).toBeNull()
}

/** An error of the catalogue, rendered whole and in the client's dialect. */
export function expectError(answer: Answer, dialect: Dialect, status: number, code: ErrorCode): void {
  const body = answer.text.startsWith("{") ? parsed(answer) : answer.text
  expect({ status: answer.status, code: at(body, "error", "code") }).toEqual({ status, code })
  expectCommonHeaders(answer, dialect)
  expect(answer.headers.get("content-type")).toStartWith("application/json")
  expect(String(at(body, "error", "message")).length).toBeGreaterThan(0)
  if (dialect === "messages") {
    expect(at(body, "type")).toBe("error")
    expect(at(body, "request_id")).toBe(answer.requestId)
    expect(at(body, "error", "type")).toBe(ANTHROPIC_TYPES[status] ?? "invalid_request_error")
  } else {
    expect(at(body, "error", "type")).toBe(code)
    expect(at(body, "error", "request_id")).toBe(answer.requestId)
  }
  expectRetryAdvice(answer, code)
}

function expectRetryAdvice(answer: Answer, code: ErrorCode): void {
  const { status, headers } = answer
  // the one code whose status says whether waiting helps
  const mayPass = (code === "no-eligible-target" && status === 503) || isHeldBack(answer)
  const isRetryable = CATALOGUE[code].retryable || mayPass
  if (!isRetryable) expect(headers.get("x-should-retry")).toBe("false")
  if (status !== 503 || !isRetryable) return
  expect(headers.get("x-should-retry")).toBeNull()
  const seconds = headers.get("retry-after") ?? ""
  expect(seconds).toMatch(/^\d+$/u)
  expect(Number(seconds)).toBeGreaterThanOrEqual(1)
  expect(Number(seconds)).toBeLessThanOrEqual(60)
}

/** A budget that would have room if calls in flight had used nothing. */
function isHeldBack({ status, text }: Answer): boolean {
  if (status !== 429) return false
  const details = at(JSON.parse(text), "error", "details")
  const [used, reserved, requested, limit] = ["used", "reserved", "requested", "limit_value"].map((key) =>
    Number(at(details, key)),
  ) as [number, number, number, number]
  return reserved > 0 && used + requested <= limit
}
