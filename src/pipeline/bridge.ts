/**
 * A client that asked for a stream hears something within 15 s, whatever its targets do: status 200 and signs of life in its
 * dialect. They mean nothing, so that targets may still fail and others take over until the first content; but the status is
 * fixed, and what fails from then on ends the stream with an error. A whole answer has nothing that could be sent before it.
 */
import type { StreamObserver } from "../dialects/dialect.ts"
import type { Answer } from "./answer/answer.ts"
import { routerHeaders } from "./answer/headers.ts"
import type { AdmittedCall } from "./call.ts"
import { lossesOf } from "./call/outcome.ts"
import { fail } from "./fail.ts"
import type { Gateway } from "./gateway.ts"
import type { BodyStream, Outgoing, Writer } from "./message.ts"
import { refusalOf, reply, withLosses } from "./reply.ts"
import { settle } from "./settle.ts"
import { renameRefusal, shownModel } from "./translation/shown-model.ts"

/** Silence that a client bears; found out to a quarter of a second. */
const OPENS_AFTER_MS = 14_500
const STREAM_HEADERS = { "content-type": "text/event-stream; charset=utf-8" }
const encoder = new TextEncoder()

/** The answer where it comes in time, else a stream that waits for it. Rejects as `answering` does. */
export async function bridge(answering: Promise<Answer>, call: AdmittedCall, gateway: Gateway): Promise<Outgoing> {
  const silence = Promise.withResolvers<null>()
  const { life } = call
  life.onSilence = () => silence.resolve(null)
  life.bridgeAt = call.startedAt + life.bodyWaitMs + OPENS_AFTER_MS
  try {
    const answer = await Promise.race([answering, silence.promise])
    return answer === null ? open(answering, call, gateway) : await reply(answer, call, gateway)
  } finally {
    life.bridgeAt = Infinity
    life.onSilence = null
  }
}

/** The losses that its header names are those known by now; the call's rows have them all. */
function open(answering: Promise<Answer>, call: AdmittedCall, gateway: Gateway): Outgoing {
  const waiting = call.dialect.createObserver(call.request.facts)
  const sign = (): Uint8Array => encoder.encode(waiting.keepAlive())
  let stream: BodyStream | null = null
  const pump = async (writer: Writer): Promise<void> => {
    writer.write(sign())
    const body = await bodyOf(answering, waiting, call, gateway)
    if (body instanceof Uint8Array) return writer.write(body)
    stream = body
    await stream.pump(writer)
  }
  const keepAlive = (): Uint8Array => (stream === null ? sign() : (stream.keepAlive?.() ?? NOTHING))
  return {
    status: 200,
    headers: routerHeaders(call, gateway, withLosses(STREAM_HEADERS, lossesOf(call))),
    body: { pump, keepAlive },
  }
}

const NOTHING = new Uint8Array(0)

/** What follows the signs of life, its end included. Settled where it is here as a whole. Never rejects. */
async function bodyOf(
  answering: Promise<Answer>,
  waiting: Pick<StreamObserver, "renderFailure" | "renderRefusal">,
  call: AdmittedCall,
  gateway: Gateway,
): Promise<BodyStream | Uint8Array> {
  try {
    const answer = await answering
    if (answer.kind === "relay") {
      await settle(call, gateway, refusalOf(answer, call))
      return encoder.encode(
        waiting.renderRefusal(answer.status, renameRefusal(answer.bytes, shownModel(call), answer.model), call.id),
      )
    }
    const { body } = await reply(answer, call, gateway)
    return typeof body === "string" ? encoder.encode(body) : body
  } catch (thrown) {
    return encoder.encode(waiting.renderFailure(await fail(thrown, call, gateway), call.id))
  }
}
