/** `bun bench/micro/cube.ts`: CPU for what a call adds to the cube: its part of a batch, and of the insert of the batch. */
import { Database } from "bun:sqlite"
import { CellBatch } from "../../src/ledger/cube/batch.ts"
import { USAGE_CUBE } from "../../src/ledger/cube/tables.ts"
import { Company } from "../reports/traffic.ts"
import { compare } from "./timing.ts"

const to = Date.UTC(2026, 10, 30)
const traffic = { calls: 4096, callers: 400, projects: 30, models: 60, from: to - 86_400_000, to }
const company = new Company(traffic)
const calls = Array.from({ length: traffic.calls }, (_, number) => company.call(number))

const database = new Database(":memory:")
for (const statement of USAGE_CUBE) database.run(statement)
const insert = database.prepare<unknown, [number, Uint8Array]>(
  "INSERT INTO usage_cube_batches (cells, data) VALUES (?, ?)",
)

for (const size of [1, 10, 30, 64]) {
  const batch = new CellBatch()
  let next = 0
  const encoded = (): Uint8Array => {
    batch.clear()
    for (let count = 0; count < size; count += 1) {
      const call = calls[next++ % calls.length]
      if (call !== undefined) batch.add(call.usage, call.error?.blame ?? null)
    }
    return batch.encoded()
  }
  compare(`a group of ${size}, for all of its calls together`, 500, {
    encoded,
    "encoded and inserted": () => insert.run(size, encoded()),
  })
}
