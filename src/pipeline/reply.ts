/** Step 7: bytes to the client. What ends an answer leaves only after the call is settled. */
import { RouterError, asRouterError } from "../errors.ts"
import type { Answer } from "./attempt.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { routerHeaders } from "./headers.ts"
import type { Outgoing } from "./message.ts"
import { settle } from "./settle.ts"
import type { UpstreamStream } from "./upstream-stream.ts"

const encoder = new TextEncoder()

export async function reply(answer: Answer, call: Call, gateway: Gateway): Promise<Outgoing> {
  if (answer.kind === "stream") return streamed(answer.stream, answer.headers, call, gateway)
  call.upstreamEndedAt = gateway.clock.monotonicMs()
  if (answer.kind === "relay") return relayed(answer, call, gateway)
  call.firstContentAt = call.upstreamEndedAt
  await settle(call, gateway, { status: 200, error: null })
  return { status: 200, headers: routerHeaders(call, gateway, answer.headers), body: answer.bytes }
}

/** The upstream's own words about the request: agents heal themselves by matching them. */
async function relayed(answer: Answer & { kind: "relay" }, call: Call, gateway: Gateway): Promise<Outgoing> {
  await settle(call, gateway, {
    status: answer.status,
    error: new RouterError(answer.failure.code, { status: answer.status }),
  })
  const headers = { "content-type": "application/json", "x-should-retry": "false" }
  return { status: answer.status, headers: routerHeaders(call, gateway, headers), body: answer.bytes }
}

function streamed(
  stream: UpstreamStream,
  headers: Readonly<Record<string, string>>,
  call: Call,
  gateway: Gateway,
): Outgoing {
  call.request.onGone = () => leftStream(stream, call, gateway)
  const next = async (): Promise<Uint8Array | null> =>
    (await stream.next()) ?? (call.settled ? null : finish(stream, call, gateway))
  return { status: 200, headers: routerHeaders(call, gateway, headers), body: { next } }
}

function leftStream(stream: UpstreamStream, call: Call, gateway: Gateway): void {
  call.clientLeft = true
  stream.cancel()
  if (call.settled) return
  call.answer = stream.observer.facts()
  call.upstreamEndedAt = gateway.clock.monotonicMs()
  settle(call, gateway, { status: 499, error: new RouterError("client-closed") }).catch((error: unknown) =>
    gateway.log.error("a call could not be recorded", { request_id: call.id, error }),
  )
}

/** The stream's one end: its own terminal frame, or the router's error. Null where there is nothing to add. */
async function finish(stream: UpstreamStream, call: Call, gateway: Gateway): Promise<Uint8Array | null> {
  call.upstreamEndedAt = gateway.clock.monotonicMs()
  call.answer = stream.observer.facts()
  const failure = stream.end?.kind === "failed" ? stream.end.failure : null
  stream.attempt.failure = failure
  const error = failure === null ? null : new RouterError(failure.code)
  const last = await settleOrFail(call, gateway, error)
  if (last !== null) return encoder.encode(stream.observer.renderFailure(last, call.id))
  return stream.tail.length > 0 ? stream.tail : null
}

/** The error that the client is to see at the end of its stream, null for none. */
async function settleOrFail(call: Call, gateway: Gateway, error: RouterError | null): Promise<RouterError | null> {
  try {
    await settle(call, gateway, { status: error?.status ?? 200, error })
    return error
  } catch (failed) {
    return asRouterError(failed)
  }
}
