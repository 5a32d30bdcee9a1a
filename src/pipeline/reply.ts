/** Step 8: bytes to the client. What ends an answer leaves only after the call is settled. */
import { lossHeader } from "../canonical/loss.ts"
import { RouterError, asRouterError } from "../errors.ts"
import type { Answer } from "./attempt.ts"
import type { Call, Outcome } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { readsOn } from "./drain.ts"
import { toldOf } from "./exhausted.ts"
import { routerHeaders } from "./headers.ts"
import type { Outgoing, Writer } from "./message.ts"
import { lossesOf } from "./record.ts"
import { returnedInStream } from "./returned-state.ts"
import { settle } from "./settle.ts"
import { renamedRefusal, renamingWriter } from "./shown-model.ts"
import type { UpstreamStream } from "./upstream-stream.ts"
import { brokenOff, type Relay } from "./vendor-words.ts"

const encoder = new TextEncoder()
const CLIENT_LEFT = { status: 499, error: new RouterError("client-closed") } as const

export async function reply(answer: Answer, call: Call, gateway: Gateway): Promise<Outgoing> {
  if (answer.kind === "stream") return streamed(answer.stream, answer.headers, call, gateway)
  call.upstreamEndedAt = gateway.clock.monotonicMs()
  if (answer.kind === "relay") return relayed(answer, call, gateway)
  call.firstContentAt = call.upstreamEndedAt
  call.answered = true
  await settle(call, gateway, call.clientLeft ? CLIENT_LEFT : { status: 200, error: null })
  return {
    status: 200,
    headers: routerHeaders(call, gateway, withLosses(answer.headers, call)),
    body: answer.bytes,
  }
}

/** How a call is recorded whose request an upstream refused. */
export function refusalOf({ status, failure }: Relay): Outcome {
  const { message, blame } = toldOf(failure)
  return { status, error: new RouterError(failure.code, { status, message, blame }) }
}

/** The upstream's own words about the request: agents heal themselves by matching them. */
async function relayed(answer: Relay, call: Call, gateway: Gateway): Promise<Outgoing> {
  await settle(call, gateway, refusalOf(answer))
  const headers = { "content-type": answer.contentType, "x-should-retry": "false" }
  return {
    status: answer.status,
    headers: routerHeaders(call, gateway, withLosses(headers, call)),
    body: renamedRefusal(answer.bytes, call),
  }
}

/** What was lost until the headers leave. */
export function withLosses(headers: Readonly<Record<string, string>>, call: Call): Readonly<Record<string, string>> {
  const all = lossesOf(call)
  if (all.length === 0) return headers
  const losses = lossHeader(all)
  return { ...headers, "x-router-losses": losses }
}

async function streamed(
  stream: UpstreamStream,
  headers: Readonly<Record<string, string>>,
  call: Call,
  gateway: Gateway,
): Promise<Outgoing> {
  call.request.onGone = () => leftStream(stream, call, gateway)
  call.onStop = stream.stop
  if (call.clientLeft) {
    if (call.drainTimer === null) stream.cancel()
    await stream.pump(NOWHERE)
    if (!call.settled) await finish(stream, call, gateway)
  }
  const pump = async (writer: Writer): Promise<void> => {
    const out = stream.attempt.translation === null ? renamingWriter(writer, call) : writer
    await stream.pump(out)
    const last = call.settled ? null : await finish(stream, call, gateway)
    if (last !== null) out.write(last)
  }
  const body = { pump, keepAlive: () => encoder.encode(stream.keepAlive()) }
  return { status: 200, headers: routerHeaders(call, gateway, withLosses(headers, call)), body }
}

/** Where the bytes of a call go whose client has left. */
const NOWHERE: Writer = { write: () => {}, isFull: () => false, drained: () => Promise.resolve() }

function leftStream(stream: UpstreamStream, call: Call, gateway: Gateway): void {
  call.clientLeft = true
  if (call.settled) return stream.cancel()
  if (call.stopped === null && readsOn(call, gateway, () => stream.cancel())) return
  stream.cancel()
  call.answer = stream.observer.facts()
  call.returnedIds = returnedInStream(stream.observer.answer(), call)
  call.upstreamEndedAt = gateway.clock.monotonicMs()
  settle(call, gateway, call.stopped === null ? CLIENT_LEFT : outcomeOf(call.stopped)).catch((error: unknown) =>
    gateway.log.error("a call could not be recorded", { request_id: call.id, error }),
  )
}

/** The stream's one end: its own terminal frame, or the router's error. Null where there is nothing to add. */
async function finish(stream: UpstreamStream, call: Call, gateway: Gateway): Promise<Uint8Array | null> {
  call.upstreamEndedAt = gateway.clock.monotonicMs()
  call.answer = stream.observer.facts()
  call.returnedIds = returnedInStream(stream.observer.answer(), call)
  call.answered = stream.end?.kind === "complete"
  const failure = stream.end?.kind === "failed" ? stream.end.failure : null
  stream.attempt.failure = failure
  const last = await settleOrFail(call, gateway, errorOf(stream, call))
  if (last !== null) return encoder.encode(stream.renderFailure(last))
  return stream.tail.length > 0 ? stream.tail : null
}

function errorOf({ end, attempt }: UpstreamStream, call: Call): RouterError | null {
  if (call.stopped !== null) return call.stopped
  if (call.clientLeft) return new RouterError("client-closed")
  if (end?.kind === "stopped") return end.error
  return end?.kind === "failed" ? (brokenOff(attempt) ?? new RouterError(end.failure.code)) : null
}

function outcomeOf(error: RouterError): Outcome {
  return { status: error.status, error }
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
