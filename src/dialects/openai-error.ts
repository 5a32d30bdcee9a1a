/** The error shape that Chat Completions and Responses share. */
import type { Failure } from "../canonical/reply.ts"
import { docUrl, type RouterError } from "../errors.ts"

/** `{"error":{type, code, message, param, request_id, details?, doc_url?}}` */
export function renderOpenAiError(
  error: RouterError,
  requestId: string,
  page: string | null,
  { type = error.code, message }: Pick<Failure, "type" | "message"> = { message: error.message },
): string {
  return JSON.stringify({
    error: {
      type,
      code: error.code,
      message,
      param: error.detail.param ?? null,
      request_id: requestId,
      ...error.detail.fields,
      ...(error.detail.details === undefined ? {} : { details: error.detail.details }),
      ...docUrl(error, page),
    },
  })
}

/**
 * Agents compact a conversation by this code, so it takes the place of whatever code the vendor had. OpenAI has one for a
 * prompt that is too long alone and with its output. Null: the failure is another.
 */
export function overflowCode({ kind, overflow }: Failure): string | null {
  return kind === "context-too-long" || overflow?.is === "sum" ? "context_length_exceeded" : null
}

/** Says that a request is too long for any model, by the router's estimate in tokens. `cap`: 0 for none. */
export function openAiTooLong(inputTokens: number, cap: number, mostTokens: number): string {
  return `This model's maximum context length is ${mostTokens} tokens. However, you requested ${inputTokens + cap} tokens (${inputTokens} in the messages, ${cap} in the completion). Please reduce the length of the messages or completion.`
}
