/** A request that is no call of a group: received, watched and waited for like one, but without a row. */
import type { Dialect } from "../../dialects/dialect.ts"
import type { UpstreamAnswer } from "../../upstream/answer.ts"
import type { AttemptFailure } from "../../upstream/failure.ts"
import type { UpstreamRequest } from "../../upstream/send.ts"
import { endDrain } from "../answer/drain.ts"
import { Call } from "../call.ts"
import type { Gateway } from "../gateway.ts"
import { requestId } from "../intake/request-id.ts"
import type { Incoming } from "../message.ts"
import { exchange, type Refused, type TimeLimit } from "../targets/exchange.ts"

export type AsideGateway = Pick<
  Gateway,
  "snapshot" | "clock" | "random" | "watchdog" | "intake" | "upstream" | "active" | "drained"
>

/** Watched until `endAside`. */
export function beginAside(incoming: Incoming, dialect: Dialect, gateway: AsideGateway): Call {
  const ts = gateway.clock.now()
  const call = new Call({
    id: requestId(ts, gateway.random),
    dialect,
    incoming,
    snapshot: gateway.snapshot,
    ts,
    startedAt: gateway.clock.monotonicMs(),
    address: null,
  })
  gateway.active++
  gateway.watchdog.watch(call.life)
  return call
}

/** May be called again. */
export function endAside({ life }: Call, gateway: AsideGateway): void {
  if (life.isOver) return
  life.isOver = true
  gateway.active--
  gateway.watchdog.forget(life)
  gateway.intake.release(life)
  endDrain(life, gateway)
}

export async function aside<Result>(
  incoming: Incoming,
  dialect: Dialect,
  gateway: AsideGateway,
  work: (call: Call) => Promise<Result>,
): Promise<Result> {
  const call = beginAside(incoming, dialect, gateway)
  try {
    return await work(call)
  } catch (error) {
    throw call.life.stopped ?? error
  } finally {
    endAside(call, gateway)
  }
}

/** One exchange, given up when its time is over, when the client leaves, and when the router stops. */
export async function askUpstream<Result extends object>(
  request: UpstreamRequest,
  limit: TimeLimit,
  { incoming, life, snapshot }: Call,
  { upstream }: AsideGateway,
  take: (answer: UpstreamAnswer) => Result | Promise<Result>,
): Promise<Result | Refused | AttemptFailure> {
  life.onDeadline = limit.cancel
  incoming.onGone = limit.cancel
  return exchange(request, limit, { upstream, maxBytes: snapshot.limits.maxResponseBytes }, take)
}
