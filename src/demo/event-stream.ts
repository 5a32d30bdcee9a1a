/** Server-sent events: frames as text, and a response that sends them one by one. */

export function dataFrame(data: unknown): string {
  return `data: ${JSON.stringify(data)}\n\n`
}

export function eventFrame(data: Readonly<Record<string, unknown>> & { readonly type: string }): string {
  return `event: ${data.type}\n${dataFrame(data)}`
}

/** Sends each frame when the client is ready for it, `pauseMs` after the one before. A client that leaves ends the generator. */
export function eventStreamBody(frames: Generator<string>, pauseMs: number): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  return new ReadableStream({
    async pull(controller) {
      const next = frames.next()
      if (next.done === true) {
        controller.close()
        return
      }
      controller.enqueue(encoder.encode(next.value))
      // the stranger that the demo plays has a time of its own
      // oxlint-disable-next-line no-restricted-properties
      if (pauseMs > 0) await Bun.sleep(pauseMs)
    },
    cancel() {
      frames.return(undefined)
    },
  })
}
