/** The life of one call, top to bottom. Each step is the file of the same name; what it returns, the next ones take. */
import type { Dialect } from "../dialects/dialect.ts"
import { RouterError } from "../errors.ts"
import { admit, refuseUnrecorded } from "./admit.ts"
import { readsOn } from "./answer/drain.ts"
import { errorHeaders, routerHeaders } from "./answer/headers.ts"
import { attempt } from "./attempt.ts"
import { authenticate } from "./authenticate.ts"
import { bridge } from "./bridge.ts"
import { answerOnce } from "./answer-once.ts"
import { considerCaching } from "./cache/consider.ts"
import { Call } from "./call.ts"
import { enter } from "./enter.ts"
import { fail } from "./fail.ts"
import type { Gateway } from "./gateway.ts"
import { clientAddress } from "./intake/client-address.ts"
import { requestId } from "./intake/request-id.ts"
import { keep } from "./keep.ts"
import type { Incoming, Outgoing } from "./message.ts"
import { rank } from "./rank.ts"
import { receive } from "./receive.ts"
import { redact } from "./redact.ts"
import { reply } from "./reply.ts"
import { reserve } from "./reserve.ts"
import { restore } from "./restore.ts"
import { shortlist } from "./shortlist.ts"
import { beginTrace } from "../telemetry/call-trace.ts"

export async function serve(incoming: Incoming, dialect: Dialect, gateway: Gateway): Promise<Outgoing> {
  const call = begin(incoming, dialect, gateway)
  try {
    if (gateway.draining) throw new RouterError("shutting-down")
    const known = call.learnCaller(authenticate(incoming.headers, call.snapshot, call.ts))
    if (known.hold !== null && !incoming.isWhole) await enter(known, known.hold, gateway)
    const receiving = receive(known, gateway)
    const received = known.learnRequest(receiving instanceof Promise ? await receiving : receiving)
    const admitted = received.learnGroup(admit(received))
    refuseUnrecorded(gateway)
    if (admitted.group.piiFilter !== null) await redact(admitted, gateway)
    const listed = shortlist(admitted, gateway)
    const found = listed instanceof Promise ? await listed : listed
    const { cache } = admitted.group
    const caching = cache === null ? null : call.learnCaching(considerCaching(received.request, cache))
    const part = caching?.looksUp === true ? "start" : "all"
    const reserved = known.hold === null ? found : reserve(found, admitted, known.hold, gateway, part)
    const ranked = rank(reserved instanceof Promise ? await reserved : reserved, admitted, gateway)
    const plan = ranked instanceof Promise ? await ranked : ranked
    const answering = caching === null ? attempt(plan, admitted, gateway) : answerOnce(plan, admitted, caching, gateway)
    const outgoing = call.facts.stream
      ? await bridge(answering, admitted, gateway)
      : await reply(await answering, admitted, gateway)
    const kept = keep(outgoing, call, gateway)
    const { originals } = admitted.request
    return originals === null ? kept : await restore(kept, originals, admitted, gateway)
  } catch (thrown) {
    const error = await fail(thrown, call, gateway)
    const headers = routerHeaders(call, gateway, errorHeaders(error))
    const body = call.dialect.renderError(error, call.id, call.snapshot.errorsPage)
    return keep({ status: error.status, headers, body }, call, gateway)
  }
}

function begin(incoming: Incoming, dialect: Dialect, gateway: Gateway): Call {
  const ts = gateway.clock.now()
  const call = new Call({
    id: requestId(ts, gateway.random),
    dialect,
    incoming,
    snapshot: gateway.snapshot,
    ts,
    startedAt: gateway.clock.monotonicMs(),
    address: clientAddress(incoming, gateway),
  })
  const { exports } = gateway.snapshot
  if (exports !== null && (exports.traces !== null || exports.logs?.ofCalls === true))
    call.learnTrace(beginTrace(incoming.headers.get("traceparent"), exports.traces, gateway.random))
  gateway.active++
  gateway.watchdog.watch(call.life)
  incoming.onGone = () => leave(call, gateway)
  return call
}

/** The client is gone: nobody waits for the upstream any more, but for the bill where the group says so. */
function leave(call: Call, gateway: Gateway): void {
  const { life } = call
  if (life.isOver) return
  life.clientLeft = true
  life.waiting?.leave()
  const cancel = (): void => call.lastAttempt?.cancel()
  if (life.stopped !== null || !readsOn(call, gateway, cancel)) cancel()
}
