/** Killed routers whose files were damaged: every finished call has its row, but for those on the damaged lines themselves. */
import { Database } from "bun:sqlite"
import { afterAll, beforeAll, expect, test } from "bun:test"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { eventually } from "../../helpers/client.ts"
import { prepare, type Prepared } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { finishedBeforeKill } from "../../helpers/finished-calls.ts"
import { databasePath, recordsIn } from "../../helpers/records.ts"
import { spawnRouter, type RouterProcess } from "../../helpers/router-process.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const WORKERS = 6
const ENOUGH = 60
const NEWLINE = 10

let upstream: FakeUpstream

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
})

afterAll(() => upstream.stop())

function rowsOf(prepared: Prepared): readonly string[] {
  return recordsIn(prepared.directory)
    .usage()
    .map(({ request_id }) => request_id)
}

/** Resolves when so many calls are at their upstream's end. */
async function enough(more: number): Promise<void> {
  const before = upstream.exchanges.length
  await eventually("calls", () => (upstream.exchanges.length >= before + more ? true : undefined))
}

/** Once the router runs again: what is missing of these. */
async function missingAfterStart(
  prepared: Prepared,
  finished: readonly string[],
): Promise<{ readonly missing: readonly string[]; readonly router: RouterProcess }> {
  const router = await spawnRouter(prepared)
  await eventually("an empty spool", () => {
    const spool = readFileSync(`${databasePath(prepared.directory)}.spool`)
    return spool.length === 0 || spool[0] === 0 ? true : undefined
  })
  const rows = rowsOf(prepared)
  expect(new Set(rows).size).toBe(rows.length)
  const known = new Set(rows)
  return { missing: finished.filter((id) => !known.has(id)), router }
}

function endOfLine(bytes: Buffer, from: number): number {
  return bytes.indexOf(NEWLINE, from) + 1
}

/** By name: what is done to the spool, and how many calls that may cost. */
const damages: Readonly<Record<string, { readonly cost: number; readonly of: (bytes: Buffer) => Buffer }>> = {
  "a flipped bit": {
    cost: 1,
    of: (bytes) => {
      const at = endOfLine(bytes, bytes.indexOf(0) >> 1) + 300
      bytes[at] = (bytes[at] ?? 0) ^ 1
      return bytes
    },
  },
  "a line of garbage": {
    cost: 0,
    of: (bytes) => {
      const at = endOfLine(bytes, bytes.indexOf(0) >> 1)
      return Buffer.concat([bytes.subarray(0, at), Buffer.from("garbage not a line\n"), bytes.subarray(at)])
    },
  },
  "4 KiB of zeros": { cost: 4, of: (bytes) => bytes.fill(0, bytes.indexOf(0) >> 1, (bytes.indexOf(0) >> 1) + 4096) },
  "a bad first line": { cost: 1, of: (bytes) => bytes.fill(0x20, 0, 20) },
}

test.each(Object.keys(damages))("%s in the spool of a killed router costs no other call", async (name) => {
  const damage = damages[name]!
  const prepared = prepare({ upstreams: { upstream } })
  const first = await spawnRouter(prepared)
  const database = new Database(databasePath(prepared.directory))
  database.run("BEGIN IMMEDIATE")
  const finished = await finishedBeforeKill(first, WORKERS, enough(ENOUGH))
  database.run("ROLLBACK")
  database.close()
  const spool = `${databasePath(prepared.directory)}.spool`
  writeFileSync(spool, damage.of(readFileSync(spool)))
  const { missing, router } = await missingAfterStart(prepared, finished)
  expect(finished.length).toBeGreaterThan(20)
  expect(missing.length).toBeLessThanOrEqual(damage.cost)
  expect(router.output()).toContain("the spool is damaged")
  expect(existsSync(`${spool}.damaged.1`)).toBe(true)
  await router[Symbol.asyncDispose]()
})

test.each([[["-wal"]], [["-shm"]], [["-wal", "-shm"]]])(
  "%j deleted under load, and a kill: every finished call has its row",
  async (sidecars) => {
    const prepared = prepare({ upstreams: { upstream } })
    const first = await spawnRouter(prepared)
    const path = databasePath(prepared.directory)
    const disturbed = async (): Promise<void> => {
      await enough(ENOUGH)
      for (const sidecar of sidecars) rmSync(`${path}${sidecar}`)
      await eventually("the look at the log", () => (first.output().includes("opened anew") ? true : undefined))
      await enough(ENOUGH)
    }
    const finished = await finishedBeforeKill(first, WORKERS, disturbed())
    const { missing, router } = await missingAfterStart(prepared, finished)
    expect(finished.length).toBeGreaterThan(20)
    expect(missing).toEqual([])
    await router[Symbol.asyncDispose]()
  },
)
