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
      await stream.finish(writer, await errorOf(stream, ended))
    } finally {
      released()
    }
  }
  return { status: 200, headers, body: { pump, keepAlive: () => encoder.encode(stream.keepAlive()) } }
}

/** The error that takes the place of the stream's own end; null: none does. */
async function errorOf({ end }: UpstreamStream, ended: () => Promise<void>): Promise<RouterError | null> {
  if (end?.kind === "failed") return new RouterError(end.failure.code)
  if (end?.kind === "stopped") return end.error
  try {
    await ended()
    return null
  } catch (error) {
    return asRouterError(error)
  }
}
