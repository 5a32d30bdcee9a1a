/** A client on a bare TCP socket, for requests and readers that no HTTP library would produce. */
import net from "node:net"

export interface RawClient {
  write(bytes: string | Uint8Array): Promise<void>
  /** Everything received so far. */
  received(): Buffer
  /** Settles when the server ended the connection, or it broke. */
  readonly closed: Promise<void>
  /** Stops and resumes reading: the kernel's buffers fill, then the sender feels it. */
  pause(): void
  resume(): void
  /** Says that nothing more will be sent. */
  end(): void
  destroy(): void
  reset(): void
  /** Waits until what was received matches. */
  until(pattern: RegExp): Promise<RegExpExecArray>
}

export async function connectRaw(url: string): Promise<RawClient> {
  const { hostname, port } = new URL(url)
  const socket = net.connect({ host: hostname, port: Number(port), noDelay: true })
  const parts: Buffer[] = []
  let wake: () => void = () => undefined
  const closed = Promise.withResolvers<void>()
  socket.on("data", (chunk: Buffer) => {
    parts.push(chunk)
    wake()
  })
  // An error is always followed by a close.
  socket.on("error", () => undefined)
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", () => resolve())
    socket.once("error", reject)
  })
  const received = (): Buffer => Buffer.concat(parts)
  let isClosed = false
  socket.on("close", () => {
    isClosed = true
    closed.resolve()
    wake()
  })
  return {
    write: async (bytes) => {
      if (isClosed || socket.destroyed || socket.write(bytes)) return
      const drained = new Promise<void>((resolve) => socket.once("drain", () => resolve()))
      await Promise.race([drained, closed.promise])
    },
    received,
    closed: closed.promise,
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
    reset: () => void socket.resetAndDestroy(),
    until: async (pattern) => {
      for (;;) {
        const match = pattern.exec(received().toString("latin1"))
        if (match !== null) return match
        if (isClosed)
          throw new Error(`connection closed before ${String(pattern)}: ${received().toString("latin1").slice(0, 500)}`)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
  }
}

/** A request with exact bytes; `Content-Length` is added unless the lines say otherwise. */
export function requestBytes(lines: readonly string[], body: string | Uint8Array = ""): Buffer {
  const bytes = Buffer.from(body)
  const framed = lines.some((line) => /^(?:content-length|transfer-encoding):/iu.test(line))
  const head = [...lines, "Host: router", ...(framed ? [] : [`Content-Length: ${bytes.length}`]), "", ""].join("\r\n")
  return Buffer.concat([Buffer.from(head, "latin1"), bytes])
}

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** The answers received on a connection, in order, when each has a length or ends with the connection. */
export function answersIn(bytes: Buffer): RawAnswer[] {
  const answers: RawAnswer[] = []
  let rest = bytes.toString("latin1")
  for (;;) {
    const match = /^HTTP\/1\.[01] (\d{3})[^\r\n]*\r\n([\s\S]*?)\r\n\r\n/u.exec(rest)
    if (match === null) return answers
    const [whole, status = "", head = ""] = match
    const length = /^content-length: *(\d+)/imu.exec(head)?.[1]
    const body = rest.slice(whole.length, length === undefined ? undefined : whole.length + Number(length))
    answers.push({ status: Number(status), head, body })
    rest = rest.slice(whole.length + body.length)
  }
}
