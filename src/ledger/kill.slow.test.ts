import { expect, test } from "bun:test"
import { join } from "node:path"
import { tied } from "../../test/helpers/children.ts"
import { type LedgerFolder, ledgerFolder } from "../../test/helpers/ledger.ts"

const ROUNDS = 12
const WRITERS = 16

/** Records calls as fast as it can, and prints each id once its promise has resolved. */
const child = `
  import { writeSync } from "node:fs"
  import { openLedger } from "${join(import.meta.dir, "open.ts")}"
  import { systemClock } from "${join(import.meta.dir, "../system/clock.ts")}"
  import { silentLog } from "${join(import.meta.dir, "../system/log.ts")}"
  import { sampleCall } from "${join(import.meta.dir, "../../test/helpers/sample-call.ts")}"
  const [path, round] = process.argv.slice(-2)
  const limits = { retryMs: 10, firstProbeMs: 5, slowestProbeMs: 10 }
  const options = { path, durability: "commit", onUnavailable: "spool", clock: systemClock, log: silentLog, limits }
  const ledger = await openLedger(options)
  writeSync(1, "ready\\n")
  let number = Number(round) * 1_000_000
  const writer = async () => {
    for (;;) {
      const call = sampleCall(systemClock.now(), (number += 1))
      await ledger.record(call)
      writeSync(1, call.usage.request_id + "\\n")
    }
  }
  await Promise.all(Array.from({ length: ${WRITERS} }, writer))
`

/** Ids that the child confirmed before it was killed. */
async function killedRound(state: LedgerFolder, round: number, lifeMs: number): Promise<string[]> {
  const command = tied([process.execPath, "-e", child, "--", state.path, String(round)])
  const running = Bun.spawn(command, { stdout: "pipe", stderr: "inherit" })
  const reader = running.stdout.getReader()
  let text = ""
  const decoder = new TextDecoder()
  const read = async (): Promise<boolean> => {
    const { done, value } = await reader.read()
    text += decoder.decode(value, { stream: true })
    return !done
  }
  try {
    while (!text.includes("ready\n") && (await read()));
    const rest = (async () => {
      while (await read());
    })()
    await disturb(state, round, lifeMs, () => running.kill("SIGKILL"))
    await Promise.all([running.exited, rest])
  } finally {
    running.kill("SIGKILL")
  }
  const lines = text.split("\n").slice(1)
  // A line without its end was cut by the kill.
  return lines.slice(0, -1)
}

/**
 * In two rounds of three the database is locked: calls go to the spool.
 * In one of these it is free again shortly before the end, so that the kill hits the replay.
 */
async function disturb(state: LedgerFolder, round: number, lifeMs: number, kill: () => void): Promise<void> {
  if (round % 3 === 0) {
    await Bun.sleep(lifeMs)
    kill()
    return
  }
  using lock = state.lock()
  await Bun.sleep(lifeMs)
  if (round % 3 === 1) {
    lock[Symbol.dispose]()
    await Bun.sleep(15)
  }
  kill()
}

test("SIGKILL at any moment neither loses nor doubles a call that was confirmed", async () => {
  await using state = ledgerFolder()
  const first = await state.open()
  await first.close()
  const confirmed: string[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    confirmed.push(...(await killedRound(state, round, 30 + round * 17)))
  }
  // The rounds before the last were replayed by the next child, the last one is by this process.
  const ledger = await state.open()
  await ledger.close()
  const stored = state.ids()
  const known = new Set(stored)
  expect(confirmed.length).toBeGreaterThan(ROUNDS * WRITERS)
  expect(confirmed.filter((id) => !known.has(id))).toEqual([])
  expect(known.size).toBe(stored.length)
  expect(state.rows("SELECT request_id FROM request_attempts")).toHaveLength(stored.length)
  const sums = state.rows("SELECT sum(requests) AS requests FROM usage_rollup_hourly")
  expect(sums).toEqual([{ requests: stored.length }])
})
