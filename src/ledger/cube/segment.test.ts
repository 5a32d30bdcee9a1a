/** Segments of earlier versions of the router are read as they were meant. */
import { expect, test } from "bun:test"
import { sampleCall } from "../../../test/helpers/sample-call.ts"
import { CellBatch, readBatch } from "./batch.ts"
import { CellBuffer } from "./cells.ts"
import { numberAt } from "./columns.ts"
import { MEASURES } from "./measures.ts"
import { decodeSegment, encodeSegments } from "./segment.ts"

const CACHE = ["cache_hits", "cache_misses", "cache_saved_tokens", "cache_saved_nano_usd"] as const

function cellsOf(): CellBuffer {
  const batch = new CellBatch()
  const { usage } = sampleCall(1_764_000_000_000, 1)
  const saved = { cache: "hit", cache_saved_input_tokens: 3, cache_saved_output_tokens: 4, cache_saved_nano_usd: 5 }
  batch.add({ ...usage, ...saved }, null)
  const cells = new CellBuffer(1)
  readBatch(batch.encoded(), null, cells)
  return cells
}

test("a segment holds what the cache saved, and an older one nothing of it", () => {
  const [segment] = [...encodeSegments(cellsOf(), 0)]
  const columns = new Map<string, Uint8Array>(segment?.columns)
  const sums = (): Readonly<Record<string, number>> => {
    const { measures } = decodeSegment(1, columns)
    return Object.fromEntries(MEASURES.map((name, index) => [name, numberAt(measures[index]!, 0)]))
  }
  expect(sums()).toMatchObject({
    cache_hits: 1,
    cache_misses: 0,
    cache_saved_tokens: 7,
    cache_saved_nano_usd: 5,
    calls: 1,
  })
  for (const name of CACHE) columns.delete(`m:${name}`)
  expect(sums()).toMatchObject({
    cache_hits: 0,
    cache_misses: 0,
    cache_saved_tokens: 0,
    cache_saved_nano_usd: 0,
    calls: 1,
  })
  columns.delete("m:calls")
  expect(sums).toThrow("no column m:calls")
})
