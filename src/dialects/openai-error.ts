/** The error shape that Chat Completions and Responses share. */
import type { RouterError } from "../errors.ts"
import { NO_FAULT, type UpstreamFault } from "./dialect.ts"
import { asObject, asString, parseBytes, type Loose } from "./loose.ts"

/** `{"error":{type, code, message, param, request_id, details?}}` */
export function renderOpenAiError(error: RouterError, requestId: string): string {
  return JSON.stringify({
    error: {
      type: error.code,
      code: error.code,
      message: error.message,
      param: error.detail.param ?? null,
      request_id: requestId,
      ...error.detail.fields,
      ...(error.detail.details === undefined ? {} : { details: error.detail.details }),
    },
  })
}

/** An `error` object as OpenAI-like servers write it; codes may be numbers, the error may be a bare string. */
export function faultOf(error: unknown): UpstreamFault {
  if (typeof error === "string") return { ...NO_FAULT, message: error }
  const object = asObject(error)
  if (object === null) return NO_FAULT
  return {
    type: asString(object["type"]),
    code: typeof object["code"] === "number" ? String(object["code"]) : asString(object["code"]),
    param: asString(object["param"]),
    message: asString(object["message"]),
  }
}

/** Null: no JSON object. */
export function readOpenAiFault(bytes: Uint8Array): UpstreamFault | null {
  const body = parseBytes(bytes)
  return body === null ? null : bodyFault(body)
}

/**
 * The error of a body: under `error`, or (vLLM and others) at the top level. Answers have a `type` too, so there only what
 * speaks of an error is one.
 */
export function bodyFault(body: Loose): UpstreamFault {
  const fault = faultOf(body["error"] ?? body)
  const isError = fault.message !== null || fault.code !== null || fault.type?.includes("error") === true
  return isError || asObject(body["error"]) !== null ? fault : NO_FAULT
}
