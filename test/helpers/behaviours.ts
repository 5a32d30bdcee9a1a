/** What a far end can do with a request, ready to be planned on a `FakeUpstream`. */
import type { Behaviour, Exchange } from "./fake-upstream.ts"

type Bytes = string | Uint8Array

/** One step of a scripted body: bytes to send, a pause, something to wait for (`wait` begins once it is there), or how the connection ends. */
export type Step =
  | Bytes
  | { readonly waitMs: number }
  | { readonly until: Promise<unknown> }
  | { readonly wait: () => Promise<unknown> }
  | { readonly end: "reset" | "close" | "stall" }

export interface Head {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

export function headBytes(head: Head, framing: readonly string[]): string {
  const given = Object.entries(head.headers ?? {}).map(([name, value]) => `${name}: ${value}`)
  return [`HTTP/1.1 ${head.status ?? 200} Scripted`, ...given, ...framing, "", ""].join("\r\n")
}

/** A whole answer with its length. */
export function reply(body: Bytes, head: Head = {}): Behaviour {
  return async (exchange) => {
    const bytes = Buffer.from(body)
    const headers = { "Content-Type": "application/json", ...head.headers }
    await exchange.write(
      Buffer.concat([Buffer.from(headBytes({ ...head, headers }, [`Content-Length: ${bytes.length}`])), bytes]),
    )
  }
}

/** An event stream in chunked encoding: each piece of bytes is one HTTP chunk and one TCP write. */
export function stream(steps: readonly Step[], head: Head = {}): Behaviour {
  return async (exchange) => {
    const headers = { "Content-Type": "text/event-stream; charset=utf-8", ...head.headers }
    await exchange.write(headBytes({ ...head, headers }, ["Transfer-Encoding: chunked"]))
    const ended = await play(exchange, steps, chunkOf)
    if (!ended) await exchange.write("0\r\n\r\n")
  }
}

/** A body that ends with the connection, without length or chunks. */
export function untilClose(steps: readonly Step[], head: Head = {}): Behaviour {
  return async (exchange) => {
    const headers = { "Content-Type": "text/event-stream", ...head.headers }
    await exchange.write(headBytes({ ...head, headers }, ["Connection: close"]))
    if (!(await play(exchange, steps, (bytes) => bytes))) exchange.close()
  }
}

/** Bytes as they are: the head too is the test's. */
export function raw(steps: readonly Step[]): Behaviour {
  return async (exchange) => {
    if (!(await play(exchange, steps, (bytes) => bytes))) exchange.close()
  }
}

/** Answers nothing until the peer leaves. */
export const stall: Behaviour = async (exchange) => exchange.left

/** A reset before any byte of an answer. */
export const resetAtOnce: Behaviour = async (exchange) => {
  exchange.reset()
}

/** A clean end of the connection before any byte of an answer. */
export const closeAtOnce: Behaviour = async (exchange) => {
  exchange.close()
}

/** Sends `frame` again and again for as long as the peer is there. */
export function flood(first: readonly Bytes[], frame: Bytes, head: Head = {}): Behaviour {
  return async (exchange) => {
    const headers = { "Content-Type": "text/event-stream", ...head.headers }
    await exchange.write(headBytes({ ...head, headers }, ["Transfer-Encoding: chunked"]))
    for (const bytes of first) await exchange.write(chunkOf(bytes))
    const chunk = chunkOf(frame)
    while (!exchange.gone) {
      await exchange.write(chunk)
      await turn()
    }
  }
}

/** The head byte by byte, then the body. */
export function slowHead(body: Bytes, head: Head = {}): Behaviour {
  return async (exchange) => {
    const bytes = Buffer.from(body)
    const headers = { "Content-Type": "application/json", ...head.headers }
    for (const character of headBytes({ ...head, headers }, [`Content-Length: ${bytes.length}`])) {
      await exchange.write(character)
      await turn()
    }
    await exchange.write(bytes)
  }
}

/** Pieces of `text` cut at the given byte offsets. */
export function cutAt(text: Bytes, offsets: readonly number[]): Uint8Array[] {
  const bytes = Buffer.from(text)
  const edges = [0, ...offsets.filter((offset) => offset > 0 && offset < bytes.length), bytes.length]
  return edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge))
}

/** Pieces of `size` bytes: cuts through characters, line ends and frames alike. */
export function cutEvery(text: Bytes, size: number): Uint8Array[] {
  const { length } = Buffer.from(text)
  return cutAt(
    text,
    Array.from({ length: Math.ceil(length / size) - 1 }, (_, index) => (index + 1) * size),
  )
}

export function chunkOf(bytes: Bytes): Uint8Array {
  const body = Buffer.from(bytes)
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from("\r\n")])
}

/** Whether a step ended the exchange. */
async function play(exchange: Exchange, steps: readonly Step[], frame: (bytes: Bytes) => Bytes): Promise<boolean> {
  for (const step of steps) {
    if (exchange.gone) return true
    if (typeof step === "string" || step instanceof Uint8Array) {
      if (step.length > 0) await exchange.write(frame(step))
      await turn()
    } else if ("waitMs" in step) await Promise.race([Bun.sleep(step.waitMs), exchange.left])
    else if ("wait" in step) await Promise.race([step.wait(), exchange.left])
    else if ("until" in step) await Promise.race([step.until, exchange.left])
    else {
      await endBy(exchange, step.end)
      return true
    }
  }
  return exchange.gone
}

async function endBy(exchange: Exchange, how: "reset" | "close" | "stall"): Promise<void> {
  // What was written must have left before a reset discards it.
  if (how === "reset") await Bun.sleep(20)
  if (how === "reset") exchange.reset()
  else if (how === "close") exchange.close()
  else await exchange.left
}

/** Lets the event loop run once, so that two writes are two packets. */
async function turn(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve))
}
