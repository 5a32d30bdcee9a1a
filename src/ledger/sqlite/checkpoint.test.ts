import { expect, test } from "bun:test"
import { statSync } from "node:fs"
import { ledgerFolder, until } from "../../../test/helpers/ledger.ts"
import { sampleCall } from "../../../test/helpers/sample-call.ts"
import { silentLog } from "../../system/log.ts"
import { Checkpointer } from "./checkpoint.ts"

const TS = Date.UTC(2026, 10, 22, 10)
const PAGE_BYTES = 4096

test("under steady load pages move into the database, and the write-ahead log starts over", async () => {
  await using state = ledgerFolder()
  const checkpointPages = 100
  const ledger = await state.open({ limits: { checkpointPages } })
  const before = statSync(state.path).size
  let bytesWritten = 0
  for (let number = 0; bytesWritten < 40 * checkpointPages * PAGE_BYTES; number += 1) {
    await ledger.record(sampleCall(TS, number))
    bytesWritten += 4 * PAGE_BYTES
    // A turn for the thread's answers.
    if (number % 20 === 0) await Bun.sleep(1)
  }
  await until(() => statSync(state.path).size > before)
  expect(statSync(`${state.path}-wal`).size).toBeLessThan(bytesWritten / 2)
  expect(state.messages).toEqual([])
})

test("closing while the thread starts waits for it, and closing without one does not", async () => {
  await using state = ledgerFolder()
  await state.open()
  const job = { path: state.path, restartAbovePages: 10 }
  const broken: string[] = []
  const unused = new Checkpointer(job, silentLog, () => broken.push("unused"))
  await unused.close()
  const started = new Checkpointer(job, silentLog, () => broken.push("started"))
  started.request()
  await started.close()
  expect(broken).toEqual([])
})

test("a checkpoint that fails is told and costs nothing else", async () => {
  const messages: string[] = []
  const log = { ...silentLog, warn: (message: string) => void messages.push(message) }
  const job = { path: "/nowhere/usage.sqlite", restartAbovePages: 10 }
  const checkpointer = new Checkpointer(job, log, () => messages.push("broken"))
  checkpointer.request()
  await until(() => messages.length > 0)
  expect(messages).toEqual(["a checkpoint of the usage database failed"])
  await checkpointer.close()
})
