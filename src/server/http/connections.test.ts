import { expect, test } from "bun:test"
import type { Socket } from "bun"
import { systemClock } from "../../system/clock.ts"
import type { Connection } from "./connection.ts"
import { Connections, type ConnectionBounds } from "./connections.ts"

/** A socket that says what became of it. */
class Fake {
  readonly remoteAddress: string
  written = ""
  isOpen = true
  connection: Connection | null = null

  constructor(remoteAddress: string) {
    this.remoteAddress = remoteAddress
  }

  write(bytes: Uint8Array, from = 0, length = bytes.length): number {
    this.written += Buffer.from(bytes.subarray(from, from + length)).toString("latin1")
    return length
  }

  end(): void {
    this.terminate()
  }

  shutdown(): void {}

  pause(): void {}

  resume(): void {}

  terminate(): void {
    this.isOpen = false
    queueMicrotask(() => this.connection?.ended())
  }
}

interface Hall {
  readonly connections: Connections
  now: number
  refusals: number
  readonly come: (address?: string) => Fake
}

function hall(bounds: Partial<ConnectionBounds>): Hall {
  const host = {
    handle: () => ({ status: 200, headers: {}, body: "served" }),
    refuse: () => ({ status: 400, headers: {}, body: "refused" }),
    date: () => "",
    failed: (error: unknown) => {
      throw error
    },
  }
  const all: ConnectionBounds = { max: 4, perAddress: 4, isExempt: () => false, ...bounds }
  const made: Hall = {
    connections: new Connections(
      host,
      {
        turnAway: () => ({ status: 503, headers: {}, body: "turned away" }),
        bounds: () => all,
        full: () => void made.refusals++,
      },
      { ...systemClock, monotonicMs: () => made.now },
    ),
    now: 0,
    refusals: 0,
    come: (address = "192.0.2.1") => {
      const socket = new Fake(address)
      socket.connection = made.connections.open(socket as unknown as Socket<Connection | undefined>)
      return socket
    },
  }
  return made
}

async function say(socket: Fake, text: string): Promise<string> {
  socket.connection?.received(Buffer.from(text))
  await Bun.sleep(0)
  return socket.written
}

const REQUEST = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

test("beyond the bound a connection gets one answer that says so, and another comes in where one goes", async () => {
  const { come } = hall({ max: 2 })
  const first = come()
  come()
  const third = come()
  expect(await say(third, REQUEST)).toMatch(/^HTTP\/1\.1 503 [^]*connection: close\r\n[^]*turned away$/)
  expect(third.isOpen).toBe(false)
  expect(await say(first, REQUEST)).toMatch(/served$/)
  first.connection?.ended()
  expect(await say(come(), REQUEST)).toMatch(/served$/)
})

test("those that are told have a bound as well: further ones are cut at once", () => {
  const made = hall({ max: 1 })
  const sockets = Array.from({ length: 200 }, () => made.come())
  expect(sockets.filter(({ isOpen }) => isOpen).length).toBe(33)
  expect(made.connections.all.size).toBe(33)
  expect(made.refusals).toBe(199)
})

test("an address has a bound of its own, an IPv6 host has one for its /64, and proxies have none", async () => {
  const { come } = hall({ max: 100, perAddress: 2, isExempt: (address) => address === "192.0.2.9" })
  const statuses = async (addresses: readonly string[]): Promise<boolean[]> =>
    Promise.all(addresses.map(async (address) => (await say(come(address), REQUEST)).endsWith("served")))
  expect(await statuses(["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"])).toEqual([true, true, false, true])
  expect(await statuses(["2001:db8::1", "2001:db8:0:0:9::2", "2001:db8::3", "2001:db8:0:1::1"])).toEqual([
    true,
    true,
    false,
    true,
  ])
  expect(await statuses(Array(5).fill("192.0.2.9"))).toEqual([true, true, true, true, true])
})

test("half a head has 75 seconds, and 5 where connections are scarce", async () => {
  const plenty = hall({ max: 10 })
  const slow = plenty.come()
  await say(slow, "GET / HT")
  for (plenty.now = 0; plenty.now <= 75_000; plenty.now += 5000) {
    plenty.connections.closeIdle()
    expect(slow.isOpen).toBe(true)
    await say(slow, "T")
  }
  plenty.connections.closeIdle()
  expect(slow.isOpen).toBe(false)

  const scarce = hall({ max: 4 })
  const waiting = [scarce.come(), scarce.come(), scarce.come()]
  for (const socket of waiting) await say(socket, "GET / HT")
  scarce.now = 5001
  scarce.connections.closeIdle()
  expect(waiting.map(({ isOpen }) => isOpen)).toEqual([false, false, false])
})

test("an address that fills its part has less time, and others keep theirs", async () => {
  const made = hall({ max: 100, perAddress: 4 })
  const greedy = [made.come("192.0.2.1"), made.come("192.0.2.1"), made.come("192.0.2.1")]
  const other = made.come("192.0.2.2")
  for (const socket of [...greedy, other]) await say(socket, "GET / HT")
  made.now = 5001
  made.connections.closeIdle()
  expect(greedy.map(({ isOpen }) => isOpen)).toEqual([false, false, false])
  expect(other.isOpen).toBe(true)
})

test("at the bound those go that waited too long, so that the next one comes in", async () => {
  const full = hall({ max: 2 })
  await say(full.come(), "GET / HT")
  full.come()
  full.now = 6000
  full.come()
  await Bun.sleep(0)
  expect(await say(full.come(), REQUEST)).toMatch(/served$/)
})
