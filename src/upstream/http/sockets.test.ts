import { afterAll, expect, test } from "bun:test"
import type { Socket } from "bun"
import { systemClock } from "../../system/clock.ts"
import { upstreamFault } from "../answer.ts"
import { NETWORK, OVERLOADED } from "../failure.ts"
import { AnswerBroken, NothingReceived, NotSent } from "./exchange.ts"
import { Pool } from "./pool.ts"
import { isOwnShortage, Sockets } from "./sockets.ts"
import { PooledRequest } from "../send.ts"

const open: Socket[] = []
/** Answers whatever holds the word "answer", and nothing else. */
const server = Bun.listen({
  hostname: "127.0.0.1",
  port: 0,
  socket: {
    open: (socket) => void open.push(socket),
    data(socket, bytes) {
      if (bytes.includes("answer")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    },
  },
})
afterAll(() => server.stop(true))

const origin = (key: string) => ({ key, hostname: "127.0.0.1", port: server.port, tls: null })
const ask = (pool: Pool, word: string): PooledRequest =>
  new PooledRequest(pool, [Buffer.from(`GET /${word} HTTP/1.1\r\n\r\n`)], { stale: "tell" })

test("where no place is left an idle connection of another origin makes room, and one in use does not", async () => {
  const pools: Pool[] = []
  const sockets = new Sockets({ most: 1, canOpen: () => true }, () => pools.some((pool) => pool.closeOneIdle()))
  pools.push(new Pool(origin("a"), sockets, systemClock), new Pool(origin("b"), sockets, systemClock))
  const [first, second] = pools as [Pool, Pool]
  expect((await ask(first, "answer").answer).status).toBe(200)
  const held = ask(second, "wait")
  const refused = await ask(first, "answer").answer.catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(NotSent)
  held.cancel()
  expect(await held.answer.catch((error: unknown) => error)).toBeInstanceOf(AnswerBroken)
  expect((await ask(first, "answer").answer).status).toBe(200)
  for (const pool of pools) pool.close()
})

test("a connection that fails while the process can open nothing is a lack of our own", async () => {
  const failed = async (canOpen: boolean): Promise<unknown> => {
    const sockets = new Sockets({ most: 9, canOpen: () => canOpen }, () => false)
    const pool = new Pool({ ...origin("c"), port: 1 }, sockets, systemClock)
    return ask(pool, "answer").answer.catch((error: unknown) => error)
  }
  expect(await failed(false)).toBeInstanceOf(NotSent)
  expect(await failed(true)).toBeInstanceOf(NothingReceived)
})

test("a lack of our own is no fault of an upstream, and no other target is tried", () => {
  for (const code of ["EMFILE", "ENFILE", "EADDRNOTAVAIL", "ENOBUFS", "ENOMEM"]) {
    const cause = Object.assign(new Error("connect"), { code })
    expect(isOwnShortage(cause)).toBe(true)
    expect(isOwnShortage(new Error("fetch", { cause }))).toBe(true)
  }
  expect(isOwnShortage(Object.assign(new Error("connect"), { code: "ECONNREFUSED" }))).toBe(false)
  expect(isOwnShortage(null)).toBe(false)
  expect(upstreamFault(new NotSent(null))).toBe(OVERLOADED)
  expect(upstreamFault(new AnswerBroken(null))).toEqual(NETWORK)
  expect(OVERLOADED).toMatchObject({ counts: false, failover: false, code: "overloaded" })
})
