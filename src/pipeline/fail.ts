/** The one place where whatever ended a call becomes an error of the catalogue. */
import { RouterError, asRouterError } from "../errors.ts"
import type { Call } from "./call.ts"
import { routerAnswer } from "./call/outcome.ts"
import type { Gateway } from "./gateway.ts"
import { noteRefusal } from "./intake/security.ts"
import { settle } from "./settle.ts"

/** Settles the call. Resolves with what its client is told. */
export async function fail(thrown: unknown, call: Call, gateway: Gateway): Promise<RouterError> {
  const error =
    call.life.stopped ??
    (call.life.clientLeft ? new RouterError("client-closed", { cause: thrown }) : asRouterError(thrown))
  if (error.code === "internal-error")
    gateway.log.error("a call failed inside the router", { request_id: call.id, error: thrown })
  await settle(call, gateway, { status: error.status, error, answer: routerAnswer(call) }).catch((cause: unknown) =>
    gateway.log.error("a failed call could not be recorded", { request_id: call.id, error: cause }),
  )
  noteRefusal(error, call.incoming, call.id, gateway)
  return error
}
