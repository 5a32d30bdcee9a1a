import { expect, test } from "bun:test"
import { closeSync, openSync, readSync, statSync } from "node:fs"
import { ledgerFolder, until } from "../../../test/helpers/ledger.ts"
import { sampleCall } from "../../../test/helpers/sample-call.ts"
import { silentLog } from "../../system/log.ts"
import { Checkpointer } from "./checkpoint.ts"

const TS = Date.UTC(2026, 10, 22, 10)
/** Drawn anew whenever the log starts over. https://www.sqlite.org/fileformat.html#the_write_ahead_log */
const SALT = { offset: 16, length: 8 }

function saltOf(logPath: string): string {
  const file = openSync(logPath, "r")
  try {
    const salt = Buffer.alloc(SALT.length)
    readSync(file, salt, 0, SALT.length, SALT.offset)
    return salt.toString("hex")
  } finally {
    closeSync(file)
  }
}

test("under steady load pages move into the database, and the write-ahead log starts over", async () => {
  await using state = ledgerFolder()
  const ledger = await state.open({ limits: { checkpointPages: 100 } })
  await ledger.record(sampleCall(TS, 0))
  const before = { bytes: statSync(state.path).size, salt: saltOf(`${state.path}-wal`) }
  // as long as it takes: on a busy machine the thread comes to its turn late
  for (let number = 1; saltOf(`${state.path}-wal`) === before.salt; number += 1) {
    await ledger.record(sampleCall(TS, number))
    // A turn for the thread's answers.
    if (number % 20 === 0) await Bun.sleep(1)
  }
  expect(statSync(state.path).size).toBeGreaterThan(before.bytes)
  expect(state.messages).toEqual([])
})

test("closing while the thread starts waits for it, and closing without one does not", async () => {
  await using state = ledgerFolder()
  await state.open()
  const job = { path: state.path, restartAbovePages: 10 }
  const broken: string[] = []
  const unused = new Checkpointer(
    job,
    silentLog,
    () => broken.push("unused"),
    () => {},
  )
  await unused.close()
  const started = new Checkpointer(
    job,
    silentLog,
    () => broken.push("started"),
    () => {},
  )
  started.request()
  await started.close()
  // a database that could not be opened anew closes the one before once more
  await started.close()
  expect(broken).toEqual([])
})

test("a checkpoint that fails is told and costs nothing else", async () => {
  const messages: string[] = []
  const log = { ...silentLog, warn: (message: string) => void messages.push(message) }
  const job = { path: "/nowhere/usage.sqlite", restartAbovePages: 10 }
  const checkpointer = new Checkpointer(
    job,
    log,
    () => messages.push("broken"),
    () => {},
  )
  checkpointer.request()
  await until(() => messages.length > 0)
  expect(messages).toEqual(["a checkpoint of the usage database failed"])
  await checkpointer.close()
})
