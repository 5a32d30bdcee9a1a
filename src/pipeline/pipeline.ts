/** The life of one call, top to bottom. Each step is the file of the same name. */
import type { Dialect } from "../dialects/dialect.ts"
import { RouterError } from "../errors.ts"
import { admit } from "./admit.ts"
import { attempt } from "./attempt.ts"
import { authenticate } from "./authenticate.ts"
import { bridged } from "./bridge.ts"
import { Call } from "./call.ts"
import { clientAddress } from "./client-address.ts"
import { readsOn } from "./drain.ts"
import { enter } from "./enter.ts"
import { failed } from "./failed.ts"
import type { Gateway } from "./gateway.ts"
import { errorHeaders, routerHeaders } from "./headers.ts"
import { holderOf } from "./held-state.ts"
import type { Incoming, Outgoing } from "./message.ts"
import { rank } from "./rank.ts"
import { receive } from "./receive.ts"
import { reply } from "./reply.ts"
import { reserve } from "./reserve.ts"
import { requestId } from "./request-id.ts"
import { shortlistFor } from "./shortlist.ts"

export async function serve(request: Incoming, dialect: Dialect, gateway: Gateway): Promise<Outgoing> {
  const call = begin(request, dialect, gateway)
  try {
    if (gateway.draining) throw new RouterError("shutting-down")
    call.credential = authenticate(request.headers, call.snapshot, call.ts)
    const { limits } = call.credential.caller
    if (limits !== null && !request.isWhole) await enter(call, limits, gateway)
    const receiving = receive(call, gateway)
    if (receiving !== null) await receiving
    const group = admit(call, gateway)
    let shortlist = call.heldIds === null ? shortlistFor(group, call, gateway) : await holderOf(call, group, gateway)
    if (limits !== null) {
      const reserved = reserve(call, limits, shortlist, gateway)
      shortlist = reserved instanceof Promise ? await reserved : reserved
    }
    const order = rank(shortlist, group, call, gateway)
    const answering = attempt(order instanceof Promise ? await order : order, call, gateway)
    if (call.facts.stream) return await bridged(answering, call, gateway)
    return await reply(await answering, call, gateway)
  } catch (thrown) {
    const error = await failed(thrown, call, gateway)
    return {
      status: error.status,
      headers: routerHeaders(call, gateway, errorHeaders(error)),
      body: call.dialect.renderError(error, call.id),
    }
  }
}

function begin(request: Incoming, dialect: Dialect, gateway: Gateway): Call {
  const ts = gateway.clock.now()
  const call = new Call({
    id: requestId(ts, gateway.random),
    dialect,
    request,
    snapshot: gateway.snapshot,
    ts,
    startedAt: gateway.clock.monotonicMs(),
    address: clientAddress(request, gateway),
  })
  gateway.active++
  gateway.watchdog.watch(call)
  request.onGone = () => leave(call, gateway)
  return call
}

/** The client is gone: nobody waits for the upstream any more, but for the bill where the group says so. */
function leave(call: Call, gateway: Gateway): void {
  if (call.settled) return
  call.clientLeft = true
  call.waiting?.leave()
  if (call.stopped !== null || !readsOn(call, gateway, () => call.current?.cancel())) call.current?.cancel()
}
