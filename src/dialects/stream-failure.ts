/** Failures of the router inside a stream, where no status can say whether a retry helps. */
import { failureKindOf, type Failure } from "../canonical/reply.ts"
import type { RouterError } from "../errors.ts"
import { VendorRefusal } from "./vendor-refusal.ts"

/**
 * What a client is told. Agents find in the words whether they may try again: Continue in the types `server_error` and
 * `rate_limit_exceeded`, or in "premature end"; opencode, pi and Cline in "provider returned error"; Codex in OpenAI's code.
 * The message names the call, since no header does.
 */
export function streamFailure(error: RouterError, requestId: string): Failure {
  if (error instanceof VendorRefusal) return error.failure
  const { code, message, retryable, status } = error
  const told = { kind: failureKindOf(status), status: null, code }
  if (!retryable) return { ...told, message: `${message} (${code}, ${requestId})`, type: code, isFinal: true }
  const words = `${message} (Provider returned error, premature end: ${code}, ${requestId})`
  return { ...told, message: words, type: isLimited(error) ? "rate_limit_exceeded" : "server_error" }
}

const TOO_MANY = 429

function isLimited({ code, status }: RouterError): boolean {
  return status === TOO_MANY || code === "upstream-rate-limited" || code === "upstream-capacity-throttled"
}
