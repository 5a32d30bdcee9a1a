/** Spooled calls get into a database that does not take some of them, or none for a while. */
import { afterEach, beforeEach, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FakeDatabase, Refusal } from "../../test/helpers/fake-database.ts"
import { rejectionOf, until } from "../../test/helpers/ledger.ts"
import { sampleCall, sampleRequestId } from "../../test/helpers/sample-call.ts"
import { systemClock } from "../system/clock.ts"
import { silentLog } from "../system/log.ts"
import { Outage } from "./outage.ts"
import type { CallRecord } from "./record.ts"
import { Replay } from "./replay.ts"
import { Spool } from "./spool.ts"

const TS = 1000

let folder = ""
let spool: Spool
let database: FakeDatabase

const refusedPath = (): string => join(folder, "refused")
const idOf = (number: number): string => sampleRequestId(TS, number)
const calls = (count: number): CallRecord[] => Array.from({ length: count }, (_, number) => sampleCall(TS, number))

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "replay-"))
  const options = { path: join(folder, "spool"), reservedBytes: 0, maxBytes: 1 << 30 }
  spool = await Spool.open({ ...options, clock: systemClock, log: silentLog })
  database = new FakeDatabase()
})

afterEach(async () => {
  await spool.close()
  rmSync(folder, { recursive: true })
})

function outage(): Outage {
  const rules = { refusedPath: refusedPath(), refuses: false, firstProbeMs: 1, slowestProbeMs: 2 }
  return new Outage(database, spool, { ...rules, clock: systemClock, log: silentLog })
}

function asideIds(): string[] {
  const lines = readFileSync(refusedPath(), "utf8").trimEnd().split("\n")
  return lines.map((line) => (JSON.parse(line) as CallRecord).usage.request_id)
}

test.each(["content", "slow", "broken"] as const)(
  "calls that fail as %p, however many, hold up none of the others, and are kept in a file in the end",
  async (failure) => {
    await spool.append(calls(200))
    const bad = [0, 1, 63, 64, 100, 101, 102, 199]
    for (const number of bad) database.bad.set(idOf(number), failure)
    const waiting = outage()
    await waiting.replay()
    await until(() => spool.isEmpty)
    expect(database.rows).toHaveLength(200 - bad.length)
    expect(asideIds().toSorted()).toEqual(bad.map(idOf))
  },
)

test("a call that fails for a while only gets its row", async () => {
  await spool.append(calls(10))
  database.bad.set(idOf(5), "slow")
  const replay = new Replay(database, spool, refusedPath(), silentLog)
  await replay.write(calls(10))
  expect(database.rows).toHaveLength(9)
  database.bad.clear()
  const waiting = outage()
  await waiting.replay()
  expect(database.rows.toSorted()).toEqual(calls(10).map(({ usage }) => usage.request_id))
  expect(spool.isEmpty).toBe(true)
})

test.each(["unavailable", "slow", "broken", "busy"] as const)(
  "a database that fails as %p for all calls is down: none is put aside, however often it is tried",
  async (failure) => {
    await spool.append(calls(3))
    database.isDown = failure
    const replay = new Replay(database, spool, refusedPath(), silentLog)
    for (let round = 0; round < 5; round += 1) expect(await rejectionOf(replay.write(calls(3)))).toBeInstanceOf(Refusal)
    database.isDown = null
    await replay.write(calls(3))
    expect(database.rows).toHaveLength(3)
  },
)

test("no batch is large, whatever the calls are", async () => {
  const losses = Array.from({ length: 3000 }, (_, seq) => ({ ...sampleCall(TS, 0).trace[0], seq }))
  const large = calls(40).map((call) => ({ ...call, trace: losses }) as CallRecord)
  await spool.append(large)
  const waiting = outage()
  await waiting.replay()
  expect(database.rows).toHaveLength(40)
  expect(database.largest).toBeLessThan(3 << 20)
})

test("a line of an earlier version with a huge text is cut and written", async () => {
  await spool.append([sampleCall(TS, 1, { stop_reason: "y".repeat(5 << 20) })])
  expect(spool.bytes).toBeLessThan(20_000)
  const waiting = outage()
  await waiting.replay()
  expect(database.rows).toEqual([idOf(1)])
})
