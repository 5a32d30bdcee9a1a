/** The line before the thread: bounded, in order, stopped and gone on, and never in anybody's way. */
import { expect, test } from "bun:test"
import { HeldClock } from "../../test/helpers/held-clock.ts"
import type { CaptureRule, CaptureSettings } from "../config/compile/capture-rule.ts"
import type { ContentRow, ContentStore, DataKeyRow } from "../ledger/content.ts"
import type { Log } from "../system/log.ts"
import { Captures, type CaptureTools } from "./captures.ts"
import type { Content } from "./content.ts"
import { rowsOf } from "./rows.ts"
import type { Seals } from "./sealer.ts"

const RULE: CaptureRule = {
  request: true,
  answer: true,
  toolCalls: true,
  images: true,
  upstreamErrors: false,
  headers: [],
  patterns: [],
  maxBytes: 1 << 20,
  retentionMs: 86_400_000,
}
const key = { id: "k1", bytes: new Uint8Array(32).fill(1) }
const SETTINGS: CaptureSettings = { ruleOf: () => RULE, key, keys: [key] }

function content(id: string, bytes: Uint8Array = Buffer.from("{}")): Content {
  const parts = [{ name: "request", form: "json", bytes, totalBytes: bytes.length } as const]
  return { requestId: id, ts: 1, callerId: "c", project: "p", environment: "e", group: "g", rule: RULE, parts }
}

class Store implements ContentStore {
  readonly rows: ContentRow[] = []
  readonly keys: DataKeyRow[] = []
  readonly statements: number[] = []
  expired = 0
  failing: Error | null = null

  async insert(rows: readonly ContentRow[]): Promise<void> {
    await this.#answer()
    this.statements.push(rows.reduce((sum, { sealed }) => sum + sealed.length, 0))
    this.rows.push(...rows)
  }
  async dataKey(day: string, id: string): Promise<DataKeyRow | null> {
    await this.#answer()
    return this.keys.find((row) => row.day === day && row.local_key_id === id) ?? null
  }
  async lastPrint(id: string): Promise<string | null> {
    await this.#answer()
    return this.keys.findLast((row) => row.local_key_id === id)?.key_print ?? null
  }
  async addDataKey(row: DataKeyRow): Promise<void> {
    await this.#answer()
    this.keys.push(row)
  }
  async isHeld(): Promise<boolean> {
    return await Promise.resolve(false)
  }

  async removeExpired(): Promise<number> {
    await this.#answer()
    const some = Math.min(this.expired, 32)
    this.expired -= some
    return some
  }
  removeKeys = (): Promise<void> => this.#answer()
  of = (): Promise<never> => Promise.reject(new Error("nobody reads"))
  remove = (): Promise<never> => Promise.reject(new Error("nobody deletes"))
  audit = (): Promise<never> => Promise.reject(new Error("nobody asks"))
  failureOf = (): "unavailable" => "unavailable"

  #answer(): Promise<void> {
    return this.failing === null ? Promise.resolve() : Promise.reject(this.failing)
  }
}

/** Seals at once; content that is named `bad` never, and takes its thread with it. */
class TestSeals implements Seals {
  readonly orders: (readonly string[])[] = []
  seal: Seals["seal"] = (contents, dataKey) => {
    this.orders.push(contents.map(({ requestId }) => requestId))
    if (contents.some(({ requestId }) => requestId === "bad")) return Promise.reject(new Error("the thread was lost"))
    return Promise.resolve({ rows: contents.map((one) => rowsOf(one, dataKey)), faults: [] })
  }
  close(): void {}
}

function line(more: Partial<CaptureTools> = {}) {
  const store = new Store()
  const seals = new TestSeals()
  const clock = new HeldClock()
  const told: string[] = []
  const note = (message: string): void => void told.push(message)
  const log: Log = { info: note, warn: note, error: note }
  const loop = { turn: () => Promise.resolve() }
  const captures = new Captures(SETTINGS, { store, seals, room: null, clock, log, loop, ...more })
  return { captures, store, seals, clock, told, ids: () => store.rows.map(({ request_id }) => request_id) }
}

test("content of calls that end together is stored together, some behind the others, by small statements", async () => {
  const { captures, store, seals, clock, ids } = line()
  const many = Array.from({ length: 150 }, (_, index) => `req_${index}`)
  for (const id of many) captures.take(content(id))
  await clock.advance(100)
  expect(ids()).toEqual(many)
  expect(seals.orders.map(({ length }) => length)).toEqual([64, 64, 22])
  const noise = crypto.getRandomValues(new Uint8Array(65_536))
  const large = Buffer.from(Buffer.concat(Array.from({ length: 10 }, () => noise)).toString("base64"))
  captures.take(content("large", large))
  await clock.advance(100)
  expect(Math.max(...store.statements)).toBeLessThan((1 << 18) + 100)
  expect(captures.status()).toMatchObject({ kept: 151, waiting: 0, waitingBytes: 0, stopped: null })
})

test("what waits has a bound in bytes; beyond it content is lost, counted and told once a minute", async () => {
  const { captures, store, clock, told } = line()
  store.failing = new Error("locked")
  const body = new Uint8Array(1 << 20)
  for (let count = 0; count < 100; count += 1) captures.take(content(`req_${count}`, body))
  expect(captures.status().waitingBytes).toBeLessThanOrEqual(1 << 26)
  expect(captures.status().lost.queue).toBe(37)
  await clock.advance(1000)
  expect(captures.status().stopped?.reason).toBe("database")
  captures.take(content("late", body))
  expect(captures.status().lost.database).toBe(1)
  store.failing = null
  await clock.advance(60_000)
  expect(captures.status()).toMatchObject({ kept: 63, waiting: 0, stopped: null })
  expect(told).toEqual([
    "content of calls is lost: it comes faster than it can be stored",
    "content of calls is not stored at the moment",
    "content of calls is stored again",
  ])
})

test("content that cannot be prepared is lost alone", async () => {
  const { captures, seals, clock, ids } = line()
  for (const id of ["a", "bad", "b"]) captures.take(content(id))
  await clock.advance(1000)
  expect(ids()).toEqual(["a", "b"])
  expect(seals.orders).toEqual([["a", "bad", "b"], ["a"], ["bad"], ["b"]])
  captures.take(content("c"))
  captures.take(content("d"))
  await clock.advance(1000)
  expect(seals.orders.at(-1)).toEqual(["c", "d"])
  expect(captures.status()).toMatchObject({ kept: 4, lost: { unprepared: 1 } })
})

test("another key under a known label stores nothing, holds nothing, and goes on when it is right", async () => {
  const { captures, clock, ids } = line()
  captures.take(content("one"))
  await clock.advance(100)
  const wrong = { id: "k1", bytes: new Uint8Array(32).fill(2) }
  captures.follow({ ...SETTINGS, key: wrong, keys: [wrong] })
  for (const id of ["two", "three"]) captures.take(content(id))
  await clock.advance(100)
  captures.take(content("four"))
  expect(captures.status()).toMatchObject({ stopped: { reason: "key" }, waiting: 0, lost: { key: 3 } })
  captures.follow(SETTINGS)
  await clock.advance(100)
  captures.take(content("five"))
  await clock.advance(100)
  expect([ids(), captures.status().stopped]).toEqual([["one", "five"], null])
})

test("every day has a key of its own", async () => {
  const { captures, store, clock } = line()
  captures.take(content("one"))
  await clock.advance(100)
  captures.take(content("two"))
  await clock.advance(100)
  expect(store.keys).toHaveLength(1)
  clock.setNow(clock.now() + 86_400_000)
  captures.take(content("three"))
  await clock.advance(100)
  expect(new Set(store.rows.map(({ day }) => day)).size).toBe(2)
  expect(store.keys.map(({ day }) => day)).toEqual([...new Set(store.rows.map(({ day }) => day))])
})

test("a disk with little room takes no content until there is more", async () => {
  let freeBytes = 1 << 20
  const { captures, clock, ids } = line({ room: () => Promise.resolve({ freeBytes, allBytes: 1 << 25 }) })
  captures.take(content("one"))
  await clock.advance(5000)
  expect([captures.status().stopped?.reason, ids()]).toEqual(["disk", []])
  freeBytes = 1 << 24
  await clock.advance(10_000)
  expect([captures.status().stopped, ids()]).toEqual([null, ["one"]])
})

test("a stop stores what waits, and gives up what cannot be stored in time", async () => {
  const one = line()
  one.captures.take(content("one"))
  await one.clock.during(one.captures.close())
  expect(one.ids()).toEqual(["one"])
  const other = line()
  other.store.failing = new Error("away")
  other.captures.take(content("one"))
  const closing = other.captures.close()
  await other.clock.advance(6000)
  await closing
  expect(other.captures.status()).toMatchObject({ waiting: 0, lost: { stopped: 1 } })
  expect(other.told.at(-1)).toContain("is lost: the router stopped")
})

test("what has expired is taken away every ten minutes, a little at a time", async () => {
  const { store, clock } = line()
  store.expired = 100
  await clock.advance(610_000)
  expect(store.expired).toBe(0)
})
