/** Folds cells: those of a quarter of an hour with the same dimensions become one, without an id. No sum changes. */
import { type BucketCounts, CellBuffer } from "./cells.ts"

export const SLOT_MS = 900_000

export function slotOf(ts: number): number {
  return Math.floor(ts / SLOT_MS) * SLOT_MS
}

export function folded(cells: CellBuffer): CellBuffer {
  const sums = new CellBuffer(Math.max(16, cells.count >> 1))
  const places = new Map<string, number>()
  const placeOf = new Uint32Array(cells.count)
  const codes = new Float64Array(cells.codes.length)
  for (let cell = 0; cell < cells.count; cell += 1) {
    const slot = slotOf(cells.ts[cell] ?? 0)
    let key = String(slot)
    for (const column of cells.codes) key += `,${column[cell]}`
    let place = places.get(key)
    // a sum that would not be exact any more begins anew
    if (place === undefined || !sums.takes(place, cells, cell)) {
      cells.codes.forEach((column, index) => {
        codes[index] = sums.codeOf(index, cells.texts[index]?.all[column[cell] ?? 0] ?? "")
      })
      place = sums.open(slot, codes, 0)
      places.set(key, place)
    }
    placeOf[cell] = place
    for (let index = 0; index < cells.measures.length; index += 1)
      sums.addTo(index, place, cells.measures[index]?.[cell] ?? 0)
  }
  cells.histograms.forEach((buckets, index) => addPairs(sums, index, buckets.pairs(cells.count), placeOf))
  return sums
}

/** Pairs of one cell and bucket become one. */
function addPairs(sums: CellBuffer, index: number, pairs: BucketCounts, placeOf: Uint32Array): void {
  const counts = new Map<number, number>()
  for (let pair = 0; pair < pairs.cells.length; pair += 1) {
    const key = (placeOf[pairs.cells[pair] ?? 0] ?? 0) * 256 + (pairs.buckets[pair] ?? 0)
    counts.set(key, (counts.get(key) ?? 0) + (pairs.counts[pair] ?? 0))
  }
  for (const [key, count] of counts) sums.addBucket(index, Math.floor(key / 256), key % 256, count)
}
