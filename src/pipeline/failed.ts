/** The one place where whatever ended a call becomes an error of the catalogue. */
import { RouterError, asRouterError } from "../errors.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { noteRefusal } from "./security.ts"
import { settle } from "./settle.ts"

/** Settles the call. Resolves with what its client is told. */
export async function failed(thrown: unknown, call: Call, gateway: Gateway): Promise<RouterError> {
  const error =
    call.stopped ?? (call.clientLeft ? new RouterError("client-closed", { cause: thrown }) : asRouterError(thrown))
  if (error.code === "internal-error")
    gateway.log.error("a call failed inside the router", { request_id: call.id, error: thrown })
  call.upstreamEndedAt ??= gateway.clock.monotonicMs()
  await settle(call, gateway, { status: error.status, error }).catch((cause: unknown) =>
    gateway.log.error("a failed call could not be recorded", { request_id: call.id, error: cause }),
  )
  noteRefusal(error, call.request, call.id, gateway)
  return error
}
