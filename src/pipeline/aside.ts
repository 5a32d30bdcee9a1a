/** A request that is no call of a group, and has a body all the same: received, watched and waited for like one. */
import type { Dialect } from "../dialects/dialect.ts"
import { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import type { Incoming } from "./message.ts"
import { requestId } from "./request-id.ts"

export async function aside<Result>(
  request: Incoming,
  dialect: Dialect,
  gateway: Gateway,
  work: (call: Call) => Promise<Result>,
): Promise<Result> {
  const ts = gateway.clock.now()
  const call = new Call({
    id: requestId(ts, gateway.random),
    dialect,
    request,
    snapshot: gateway.snapshot,
    ts,
    startedAt: gateway.clock.monotonicMs(),
    address: null,
  })
  gateway.active++
  gateway.watchdog.watch(call)
  try {
    return await work(call)
  } catch (error) {
    throw call.stopped ?? error
  } finally {
    gateway.active--
    gateway.watchdog.forget(call)
    gateway.intake.release(call)
  }
}
