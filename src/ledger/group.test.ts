/** What calls that end together have to do with one another, where no spool takes them. */
import { expect, test } from "bun:test"
import { FakeDatabase } from "../../test/helpers/fake-database.ts"
import { sampleCall, sampleRequestId } from "../../test/helpers/sample-call.ts"
import { systemClock } from "../system/clock.ts"
import { silentLog } from "../system/log.ts"
import { Outage } from "./outage.ts"
import { GroupWriter } from "./write.ts"

const TS = 1000

function writerOn(database: FakeDatabase): { readonly writer: GroupWriter; readonly outage: Outage } {
  const clock = systemClock
  const rules = { refusedPath: "/nowhere/refused", refuses: true, firstProbeMs: 1000, slowestProbeMs: 1000 }
  const outage = new Outage(database, null, { ...rules, clock, log: silentLog })
  const limits = { retryMs: 10, maxWaiting: 1000 }
  const writer = new GroupWriter(database, outage, {
    clock,
    log: silentLog,
    limits,
    isAsync: false,
    onCommit: () => {},
  })
  return { writer, outage }
}

test("a call that takes too long is refused alone: a group is halved until it is found", async () => {
  const database = new FakeDatabase()
  database.bad.set(sampleRequestId(TS, 13), "slow")
  const { writer, outage } = writerOn(database)
  const calls = Array.from({ length: 40 }, (_, number) => sampleCall(TS, number))
  const results = await Promise.allSettled(calls.map((call) => writer.record(call)))
  const refused = results.flatMap(({ status }, number) => (status === "rejected" ? [number] : []))
  expect(refused).toEqual([13])
  expect(database.rows).toHaveLength(39)
  await writer.close()
  await outage.close()
})

test("a database that takes none is asked three times, and all are refused", async () => {
  const database = new FakeDatabase()
  database.isDown = "slow"
  const { writer, outage } = writerOn(database)
  const calls = Array.from({ length: 40 }, (_, number) => sampleCall(TS, number))
  const results = await Promise.allSettled(calls.map((call) => writer.record(call)))
  expect(new Set(results.map(({ status }) => status))).toEqual(new Set(["rejected"]))
  expect(database.asked).toBe(3)
  expect(outage.isDown).toBe(true)
  await writer.close()
  await outage.close()
})

test("calls with thousands of rows share no transaction", async () => {
  const database = new FakeDatabase()
  const { writer, outage } = writerOn(database)
  const trace = Array.from({ length: 3000 }, (_, seq) => ({ ...sampleCall(TS, 0).trace[0]!, seq }))
  await Promise.all(Array.from({ length: 6 }, (_, number) => writer.record({ ...sampleCall(TS, number), trace })))
  expect(database.rows).toHaveLength(6)
  expect(database.asked).toBe(6)
  await writer.close()
  await outage.close()
})
