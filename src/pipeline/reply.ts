/** Step 7: bytes to the client. What ends an answer leaves only after the call is settled. */
import { RouterError, asRouterError } from "../errors.ts"
import { BROKEN_STREAM } from "../upstream/failure.ts"
import type { Answer } from "./attempt.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { routerHeaders } from "./headers.ts"
import { settle } from "./settle.ts"
import type { UpstreamStream } from "./upstream-stream.ts"

const encoder = new TextEncoder()

export async function reply(answer: Answer, call: Call, gateway: Gateway): Promise<Response> {
  if (answer.kind === "stream") return streamed(answer.stream, answer.headers, call, gateway)
  call.upstreamEndedAt = gateway.clock.monotonicMs()
  if (answer.kind === "relay") return relayed(answer, call, gateway)
  call.firstContentAt = call.upstreamEndedAt
  await settle(call, gateway, { status: 200, error: null })
  return new Response(answer.bytes, { headers: routerHeaders(call, gateway, answer.headers) })
}

/** The upstream's own words about the request: agents heal themselves by matching them. */
async function relayed(answer: Answer & { kind: "relay" }, call: Call, gateway: Gateway): Promise<Response> {
  await settle(call, gateway, {
    status: answer.status,
    error: new RouterError(answer.failure.code, { status: answer.status }),
  })
  const headers = { "content-type": "application/json", "x-should-retry": "false" }
  return new Response(answer.bytes, { status: answer.status, headers: routerHeaders(call, gateway, headers) })
}

function streamed(
  stream: UpstreamStream,
  headers: Readonly<Record<string, string>>,
  call: Call,
  gateway: Gateway,
): Response {
  const body = new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const bytes = await stream.next()
        if (bytes !== null) controller.enqueue(bytes)
        else if (!call.settled) await finish(stream, controller, call, gateway)
      },
      cancel: () => {
        call.clientLeft = true
        stream.cancel()
        if (call.settled) return
        call.answer = stream.observer.facts()
        call.upstreamEndedAt = gateway.clock.monotonicMs()
        return settle(call, gateway, { status: 499, error: new RouterError("client-closed") }).catch((error: unknown) =>
          gateway.log.error("a call could not be recorded", { request_id: call.id, error }),
        )
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { headers: routerHeaders(call, gateway, headers) })
}

/** The stream's one end: its own terminal frame, or the router's error. */
async function finish(
  stream: UpstreamStream,
  controller: ReadableStreamDefaultController<Uint8Array>,
  call: Call,
  gateway: Gateway,
): Promise<void> {
  call.upstreamEndedAt = gateway.clock.monotonicMs()
  call.answer = stream.observer.facts()
  const failure = stream.end?.kind === "failed" ? stream.end.failure : null
  stream.attempt.failure = failure
  const error = failure === null ? null : new RouterError(failure === BROKEN_STREAM ? "upstream-failed" : failure.code)
  const last = await settleOrFail(call, gateway, error)
  if (call.clientLeft) return
  if (last === null) {
    if (stream.tail.length > 0) controller.enqueue(stream.tail)
  } else controller.enqueue(encoder.encode(stream.observer.renderFailure(last, call.id)))
  controller.close()
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
