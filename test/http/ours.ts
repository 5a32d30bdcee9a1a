/** The same wire through the product's own readers: a real connection on a socket that is none. */
import type { Socket } from "bun"
import { Connection, type Host } from "../../src/server/http/connection.ts"
import type { ServedRequest } from "../../src/server/http/served-request.ts"
import { systemClock, type Clock } from "../../src/system/clock.ts"
import { ResponseDecoder } from "../../src/upstream/http/decoder.ts"

export interface Heard {
  readonly method: string
  readonly target: string
  readonly field: (name: string) => string | null
  /** null while it is not whole. */
  body: Buffer | null
}

export interface OurReading {
  readonly requests: readonly Heard[]
  /** Why nothing further is read; null where more may come. */
  readonly refused: string | null
}

const CLOCK: Clock = { ...systemClock, monotonicMs: () => 0 }
/** Turns of the event loop's queue within which a request that has arrived is answered. */
const QUIET_TURNS = 8

/** Every request on one connection, which arrives in these pieces; they are overwritten. */
export async function hearRequests(pieces: readonly Uint8Array[]): Promise<OurReading> {
  const requests: Heard[] = []
  let refused: string | null = null
  const socket = new Nowhere()
  const host: Host = {
    handle: async (incoming) => {
      const { method, target, headers } = incoming as ServedRequest
      const heard: Heard = { method, target, field: (name) => headers.get(name), body: null }
      requests.push(heard)
      try {
        heard.body = Buffer.from(await incoming.body(Infinity, () => {}))
      } catch (error) {
        refused ??= (error as Error).message
      }
      return { status: 200, headers: {}, body: "" }
    },
    refuse: (fault) => {
      refused ??= fault.message
      return { status: fault.status, headers: {}, body: "" }
    },
    date: () => "",
    closed: () => {},
    failed: (error) => {
      throw error
    },
  }
  const connection = new Connection(socket as unknown as Socket<Connection | undefined>, host, CLOCK)
  for (const piece of pieces) {
    connection.received(piece)
    await quiet(requests)
  }
  const closed = socket.ended
  connection.ended()
  return { requests, refused: refused ?? (closed ? "the connection ends with the answer" : null) }
}

async function quiet(requests: readonly Heard[]): Promise<void> {
  for (let turns = 0, seen = requests.length; turns < QUIET_TURNS; turns++) {
    await Promise.resolve()
    if (requests.length === seen) continue
    seen = requests.length
    turns = 0
  }
}

/** A socket that takes everything. */
class Nowhere {
  readonly remoteAddress = "127.0.0.1"
  ended = false

  write(bytes: Uint8Array, from = 0, length = bytes.length): number {
    return length - from
  }

  end(): void {
    this.ended = true
  }

  shutdown(): void {
    this.ended = true
  }

  terminate(): void {
    this.ended = true
  }

  pause(): void {}

  resume(): void {}
}

export interface OurAnswer {
  /** null while the head is not complete. */
  readonly status: number | null
  readonly field: (name: string) => string | null
  readonly body: Buffer
  readonly complete: boolean
  readonly keepAlive: boolean
  readonly refused: string | null
}

/** One answer, which arrives in these pieces; they are overwritten. `ended`: then the connection closes. */
export function hearAnswer(pieces: readonly Uint8Array[], ended: boolean): OurAnswer {
  const decoder = new ResponseDecoder()
  let refused: string | null = null
  try {
    for (const piece of pieces) decoder.push(piece)
    if (ended) decoder.finish()
  } catch (error) {
    refused = (error as Error).message
  }
  const { head } = decoder
  return {
    status: head?.status ?? null,
    field: (name) => head?.headers.get(name) ?? null,
    body: Buffer.concat(decoder.body),
    complete: decoder.done,
    keepAlive: decoder.done && !decoder.surplus && head?.keepAlive === true,
    refused,
  }
}
