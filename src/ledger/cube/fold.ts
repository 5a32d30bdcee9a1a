/** Folds cells: those of a quarter of an hour with the same dimensions become one, without an id. No sum changes. */
import { CellBuffer } from "./cells.ts"

export const SLOT_MS = 900_000

export function slotOf(ts: number): number {
  return Math.floor(ts / SLOT_MS) * SLOT_MS
}

export function folded(cells: CellBuffer): CellBuffer {
  const sums = new CellBuffer(Math.max(16, cells.count >> 1))
  const places = new Map<string, number>()
  const placeOf = new Uint32Array(cells.count)
  const dimensions: string[] = []
  for (let cell = 0; cell < cells.count; cell += 1) {
    const slot = slotOf(cells.ts[cell] ?? 0)
    let key = String(slot)
    for (const codes of cells.codes) key += `,${codes[cell]}`
    let place = places.get(key)
    // a sum that would not be exact any more begins anew
    if (place === undefined || !sums.takes(place, cells, cell)) {
      cells.codes.forEach((codes, index) => {
        dimensions[index] = cells.texts[index]?.all[codes[cell] ?? 0] ?? ""
      })
      place = sums.open(slot, dimensions)
      places.set(key, place)
    }
    placeOf[cell] = place
    for (let index = 0; index < cells.measures.length; index += 1)
      sums.addTo(index, place, cells.measures[index]?.[cell] ?? 0)
  }
  cells.histograms.forEach((pairs, index) => addPairs(sums, index, pairs, placeOf))
  return sums
}

/** Pairs of one cell and bucket become one. */
function addPairs(
  sums: CellBuffer,
  index: number,
  pairs: CellBuffer["histograms"][number],
  placeOf: Uint32Array,
): void {
  const counts = new Map<number, number>()
  for (let pair = 0; pair < pairs.cells.length; pair += 1) {
    const key = (placeOf[pairs.cells[pair] ?? 0] ?? 0) * 256 + (pairs.buckets[pair] ?? 0)
    counts.set(key, (counts.get(key) ?? 0) + (pairs.counts[pair] ?? 0))
  }
  for (const [key, count] of counts) sums.addBucket(index, Math.floor(key / 256), key % 256, count)
}
