/** Anthropic's error shape: https://docs.claude.com/en/api/errors */
import type { Failure } from "../../canonical/reply.ts"
import { docUrl, type RouterError } from "../../errors.ts"
import { VendorRefusal } from "../vendor-refusal.ts"
import { writeFailure } from "./failure.ts"

const TYPES: Readonly<Record<number, string>> = {
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  500: "api_error",
  502: "api_error",
  503: "overloaded_error",
  504: "timeout_error",
  529: "overloaded_error",
}

/** `{"type":"error","error":{type, message, code, param?, details?, doc_url?},"request_id"}` */
export function renderMessagesError(
  error: RouterError,
  requestId: string,
  page: string | null,
  { message }: Pick<Failure, "message"> = error,
): string {
  if (error instanceof VendorRefusal) return JSON.stringify(writeFailure(error.failure, requestId))
  const { param, details, fields } = error.detail
  return JSON.stringify({
    type: "error",
    error: {
      type: TYPES[error.status] ?? "invalid_request_error",
      message,
      code: error.code,
      ...(param === undefined ? {} : { param }),
      ...(fields === undefined ? {} : { request_id: requestId, ...fields }),
      ...(details === undefined ? {} : { details }),
      ...docUrl(error, page),
    },
    request_id: requestId,
  })
}
