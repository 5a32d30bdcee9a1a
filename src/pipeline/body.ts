/** Reads the body of a request within its limits. */
import { RouterError } from "../errors.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { BadFraming, BodyTooLarge } from "./message.ts"

/** How long a client may take to send its body. */
const BODY_DEADLINE_MS = 120_000

/** At once when everything is here. @throws RouterError `body-too-large`, `client-closed`, `invalid-request` (400, 408) */
export function readBody(call: Call, gateway: Gateway): Uint8Array | Promise<Uint8Array> {
  const { maxBodyBytes } = call.snapshot.limits
  const body = call.request.body(maxBodyBytes)
  if (body instanceof Uint8Array) return body
  return new Promise((resolve, reject) => {
    call.deadline = gateway.clock.monotonicMs() + BODY_DEADLINE_MS
    call.onDeadline = () =>
      reject(new RouterError("invalid-request", { message: "The body did not arrive in time.", status: 408 }))
    body.then(resolve, (cause: unknown) => reject(asRouterFault(cause, maxBodyBytes)))
  })
}

function asRouterFault(cause: unknown, maxBodyBytes: number): RouterError {
  if (cause instanceof BodyTooLarge)
    return new RouterError("body-too-large", { details: { max_body_bytes: maxBodyBytes } })
  if (cause instanceof BadFraming) return new RouterError("invalid-request", { message: cause.message })
  return new RouterError("client-closed", { cause })
}
