/**
 * `bun bench/micro/merge.ts [calls]`: CPU of the reports' thread for each call that it merges, from batches of 30 calls to full
 * segments, in a file of SQLite; and how long a step holds the write lock.
 */
import { Database } from "bun:sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CellBatch, readBatch } from "../../src/ledger/cube/batch.ts"
import { CellBuffer } from "../../src/ledger/cube/cells.ts"
import { type CubeConnection, openCube } from "../../src/ledger/cube/connection.ts"
import { MERGE_RULES, mergeStep } from "../../src/ledger/cube/merge.ts"
import { encodeSegments } from "../../src/ledger/cube/segment.ts"
import { seed } from "../reports/seed.ts"
import { Company } from "../reports/traffic.ts"

const to = Date.UTC(2026, 10, 30)
const count = Number(process.argv[2] ?? 200_000)
const traffic = { calls: count, callers: 400, projects: 30, models: 60, from: to - 86_400_000, to }
const company = new Company(traffic)
const GROUP = 30

const batches: Uint8Array[] = []
for (let from = 0; from < count; from += GROUP) {
  const batch = new CellBatch()
  for (let number = from; number < Math.min(count, from + GROUP); number += 1) {
    const { usage, error } = company.call(number)
    batch.add(usage, error?.blame ?? null)
  }
  batches.push(batch.encoded())
}

const folder = mkdtempSync(join(tmpdir(), "bench-merge-"))
const address = { path: join(folder, "usage.sqlite") }
await seed([address], { ...traffic, calls: 10 }, "rows")
const insert = new Database(address.path)
insert.run("PRAGMA wal_autocheckpoint=0")
insert.transaction(() => {
  const statement = insert.prepare("INSERT INTO usage_cube_batches (cells, data) VALUES (?, ?)")
  for (const batch of batches) statement.run(GROUP, batch)
})()
insert.close()

function perCall(began: NodeJS.CpuUsage, calls: number): string {
  const { user, system } = process.cpuUsage(began)
  return `${((user + system) / calls).toFixed(2)} us a call`
}

const cells = new CellBuffer(65_536)
let began = process.cpuUsage()
for (const batch of batches.slice(0, 2184)) readBatch(batch, null, cells)
process.stdout.write(`reading batches   ${perCall(began, cells.count)}\n`)
began = process.cpuUsage()
const segments = [...encodeSegments(cells, 0)]
process.stdout.write(`making segments   ${perCall(began, cells.count)}, ${segments.length} of them\n`)
const cube = await openCube(address, { statementMs: 60_000, lockMs: 10_000 }, "write")
let heldUs = 0
const timed: CubeConnection = {
  ...cube,
  writing: async (work) => {
    const locked = process.cpuUsage()
    const result = await cube.writing(work)
    const { user, system } = process.cpuUsage(locked)
    heldUs = Math.max(heldUs, user + system)
    return result
  },
}
began = process.cpuUsage()
let steps = 0
while (await mergeStep(timed, MERGE_RULES)) steps += 1
process.stdout.write(`merging           ${perCall(began, count)}, ${steps} steps\n`)
process.stdout.write(`the write lock    held for at most ${(heldUs / 1000).toFixed(1)} ms of CPU\n`)
await cube.close()
rmSync(folder, { recursive: true, force: true })
