/** A stream that was asked for again: it passes as it comes, from its first byte. */
import { RouterError, asRouterError } from "../../errors.ts"
import type { UpstreamAnswer } from "../../upstream/answer.ts"
import { copyResponseHeaders } from "../../upstream/headers.ts"
import type { UpstreamStream } from "../answer/upstream-stream.ts"
import type { Outgoing, Writer } from "../message.ts"

const encoder = new TextEncoder()

/** `ended` runs before the terminal event leaves; `released` after everything, whatever happened. */
export function resumedStream(
  stream: UpstreamStream,
  answer: UpstreamAnswer,
  ended: () => Promise<void>,
  released: () => void,
): Outgoing {
  const headers: Record<string, string> = { "content-type": "text/event-stream" }
  copyResponseHeaders(answer.headers, stream.attempt.target.provider.secrets, headers)
  const pump = async (writer: Writer): Promise<void> => {
    try {
      await stream.pump(writer)
      writer.write(await lastOf(stream, ended))
    } finally {
      released()
    }
  }
  return { status: 200, headers, body: { pump, keepAlive: () => encoder.encode(stream.keepAlive()) } }
}

async function lastOf(stream: UpstreamStream, ended: () => Promise<void>): Promise<Uint8Array> {
  if (stream.end?.kind === "failed") return stream.renderFailure(new RouterError(stream.end.failure.code))
  if (stream.end?.kind === "stopped") return stream.renderFailure(stream.end.error)
  try {
    await ended()
    return stream.tail
  } catch (error) {
    return stream.renderFailure(asRouterError(error))
  }
}
