/**
 * How long a merge of the cube holds SQLite's write lock: `bun bench/micro/merge-lock.ts [rounds]`. Each round makes one full
 * segment of seventeen small ones; what is told is the time from asking for the lock to the
 * end of the commit, and the CPU of the process in it.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CellBuffer } from "../../src/ledger/cube/cells.ts"
import { type CubeConnection, openCube } from "../../src/ledger/cube/connection.ts"
import { MERGE_RULES, mergeStep, SMALL } from "../../src/ledger/cube/merge.ts"
import { addRows } from "../../src/ledger/cube/rows.ts"
import { encodeSegments } from "../../src/ledger/cube/segment.ts"
import { insertSegment } from "../../src/ledger/cube/store.ts"
import { seed, storedRowOf } from "../reports/seed.ts"
import { Company } from "../reports/traffic.ts"

const DAY_MS = 86_400_000
const END = Date.UTC(2026, 10, 30)
const TRAFFIC = { calls: 10_000_000, callers: 400, projects: 30, models: 60, from: END - 396 * DAY_MS, to: END }
const company = new Company(TRAFFIC)
const CELLS = 4096
const SEGMENTS = 17

const folder = mkdtempSync(join(tmpdir(), "bench-lock-"))
const address = { path: join(folder, "usage.sqlite") }
await seed([address], { ...TRAFFIC, calls: 10 }, "rows")
const cube = await openCube(address, { statementMs: 60_000, lockMs: 10_000 }, "write")
const held: { readonly ms: number; readonly cpuMs: number }[] = []
const timed: CubeConnection = {
  ...cube,
  writing: async (work) => {
    const beganMs = performance.now()
    const began = process.cpuUsage()
    const result = await cube.writing(work)
    const { user, system } = process.cpuUsage(began)
    held.push({ ms: performance.now() - beganMs, cpuMs: (user + system) / 1000 })
    return result
  },
}
const rounds = Number(process.argv[2] ?? 10)
for (let round = 0; round < rounds; round += 1) {
  for (let index = 0; index < SEGMENTS; index += 1) await insertSmall((round * SEGMENTS + index) * CELLS)
  while (await mergeStep(timed, MERGE_RULES));
}
const most = (values: readonly number[]): string => Math.max(...values).toFixed(1)
const told = `${most(held.map(({ ms }) => ms))} ms, ${most(held.map(({ cpuMs }) => cpuMs))} ms of CPU`
process.stdout.write(`${held.length} transactions hold the lock for at most ${told}\n`)
await cube.close()
rmSync(folder, { recursive: true, force: true })

async function insertSmall(from: number): Promise<void> {
  const cells = new CellBuffer(CELLS)
  addRows(
    Array.from({ length: CELLS }, (_, index) => storedRowOf(company, from + index)),
    cells,
  )
  for (const segment of encodeSegments(cells, 0)) await cube.writing(() => insertSegment(cube, segment, SMALL))
}
