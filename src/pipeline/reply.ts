/** Step 8: bytes to the client. What ends an answer leaves only after the call is settled. */
import { lossHeader, type Loss } from "../canonical/loss.ts"
import { RouterError, asRouterError } from "../errors.ts"
import type { Answer } from "./answer/answer.ts"
import type { Relay } from "./answer/relay.ts"
import { readsOn } from "./answer/drain.ts"
import { toldOf } from "./answer/exhausted.ts"
import { routerHeaders } from "./answer/headers.ts"
import { returnedInStream } from "./answer/returned-state.ts"
import type { UpstreamStream } from "./answer/upstream-stream.ts"
import { brokenOff } from "./answer/vendor-words.ts"
import { keepStream } from "./cache/keep.ts"
import type { AdmittedCall } from "./call.ts"
import type { Life } from "./call/life.ts"
import { lossesOf, routerAnswer, targetAnswer, type AnswerEnd, type Outcome } from "./call/outcome.ts"
import type { Gateway } from "./gateway.ts"
import type { Outgoing, Writer } from "./message.ts"
import { settle } from "./settle.ts"
import { renameRefusal, shownModel } from "./translation/shown-model.ts"

const encoder = new TextEncoder()
const CLIENT_LEFT = new RouterError("client-closed")

export async function reply(answer: Answer, call: AdmittedCall, gateway: Gateway): Promise<Outgoing> {
  if (answer.kind === "stream") return streamed(answer.stream, answer.headers, call, gateway)
  if (answer.kind === "relay") return relayed(answer, call, gateway)
  await settle(call, gateway, outcomeOf(call.life.clientLeft ? CLIENT_LEFT : null, answer.end))
  return {
    status: 200,
    headers: routerHeaders(call, gateway, withLosses(answer.headers, answer.end.losses)),
    body: answer.bytes,
  }
}

/** How a call is recorded whose request an upstream refused. */
export function refusalOf({ status, failure }: Relay, call: AdmittedCall): Outcome {
  const { message, blame } = toldOf(failure)
  return outcomeOf(new RouterError(failure.code, { status, message, blame }), routerAnswer(call))
}

/** The upstream's own words about the request: agents heal themselves by matching them. */
async function relayed(answer: Relay, call: AdmittedCall, gateway: Gateway): Promise<Outgoing> {
  const outcome = refusalOf(answer, call)
  await settle(call, gateway, outcome)
  const headers = { "content-type": answer.contentType, "x-should-retry": "false" }
  return {
    status: answer.status,
    headers: routerHeaders(call, gateway, withLosses(headers, outcome.answer.losses)),
    body: renameRefusal(answer.bytes, shownModel(call), answer.model),
  }
}

/** `losses`: until the headers leave. */
export function withLosses(
  headers: Readonly<Record<string, string>>,
  losses: readonly Loss[],
): Readonly<Record<string, string>> {
  return losses.length === 0 ? headers : { ...headers, "x-router-losses": lossHeader(losses) }
}

async function streamed(
  stream: UpstreamStream,
  headers: Readonly<Record<string, string>>,
  call: AdmittedCall,
  gateway: Gateway,
): Promise<Outgoing> {
  const { life } = call
  call.incoming.onGone = () => leaveStream(stream, call, gateway)
  life.onStop = stream.stop
  if (life.clientLeft) {
    if (life.drainTimer === null) stream.cancel()
    await stream.pump(NOWHERE)
    if (!life.isOver) await finish(stream, NOWHERE, call, gateway)
  }
  const pump = async (writer: Writer): Promise<void> => {
    await stream.pump(writer)
    if (!life.isOver) await finish(stream, writer, call, gateway)
  }
  const body = { pump, keepAlive: () => encoder.encode(stream.keepAlive()) }
  return { status: 200, headers: routerHeaders(call, gateway, withLosses(headers, lossesOf(call))), body }
}

/** Where the bytes of a call go whose client has left. */
const NOWHERE: Writer = { write: () => {}, isFull: () => false, drained: () => Promise.resolve() }

function leaveStream(stream: UpstreamStream, call: AdmittedCall, gateway: Gateway): void {
  const { life } = call
  life.clientLeft = true
  if (life.isOver) return stream.cancel()
  if (life.stopped === null && readsOn(call, gateway, () => stream.cancel())) return
  stream.cancel()
  settle(call, gateway, outcomeOf(life.stopped ?? CLIENT_LEFT, endOf(stream, call, gateway))).catch((error: unknown) =>
    gateway.log.error("a call could not be recorded", { request_id: call.id, error }),
  )
}

/** The stream's one end: its own terminal frame, or the router's error. */
async function finish(stream: UpstreamStream, writer: Writer, call: AdmittedCall, gateway: Gateway): Promise<void> {
  stream.attempt.failure = stream.end?.kind === "failed" ? stream.end.failure : null
  keepStream(stream, call, gateway)
  const last = await settleOrFail(call, gateway, outcomeOf(errorOf(stream, call.life), endOf(stream, call, gateway)))
  await stream.finish(writer, last)
}

function errorOf({ end, attempt }: UpstreamStream, { stopped, clientLeft }: Life): RouterError | null {
  if (stopped !== null) return stopped
  if (clientLeft) return new RouterError("client-closed")
  if (end?.kind === "stopped") return end.error
  return end?.kind === "failed" ? (brokenOff(attempt) ?? new RouterError(end.failure.code)) : null
}

/** What the stream brought until now. */
function endOf({ attempt, observer, end }: UpstreamStream, call: AdmittedCall, gateway: Gateway): AnswerEnd {
  const storedIds = returnedInStream(observer.answer(), attempt, call)
  const told = { facts: observer.facts(), isWhole: end?.kind === "complete", storedIds }
  return targetAnswer(attempt, told, call, gateway.clock.monotonicMs())
}

function outcomeOf(error: RouterError | null, answer: AnswerEnd): Outcome {
  return { status: error?.status ?? 200, error, answer }
}

/** The error that the client is to see at the end of its stream, null for none. */
async function settleOrFail(call: AdmittedCall, gateway: Gateway, outcome: Outcome): Promise<RouterError | null> {
  try {
    await settle(call, gateway, outcome)
    return outcome.error
  } catch (failed) {
    return asRouterError(failed)
  }
}
