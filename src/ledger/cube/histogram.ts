/**
 * Buckets of whole numbers that any two histograms share, so that they add up. Up to 20 each number has its own; above, a
 * bucket is a tenth as wide as where it begins, so that its middle is less than 5 % from everything in it.
 */

/** Bucket 0: there is no value. */
export const NO_VALUE = 0
const ZERO = 1
const LAST = 254

/** How many bucket numbers there are. */
export const BUCKETS: number = LAST + 1

/** Where each bucket begins; bucket 1 holds 0 alone. */
const BEGINS: readonly number[] = begins()

function begins(): number[] {
  const all = [0, 0, 1]
  for (let at = 1; all.length <= LAST + 1;) {
    at = Math.max(at + 1, Math.floor(at * 1.1))
    all.push(at)
  }
  return all
}

const SMALL = 4096
const OF_SMALL: Uint8Array = Uint8Array.from({ length: SMALL }, (_, value) => searched(value))

/** The bucket of a whole number from 0 on; what is beyond the last one, about 60 billion, is in the last one. */
export function bucketOf(value: number): number {
  return value < SMALL ? (OF_SMALL[value] ?? NO_VALUE) : searched(value)
}

function searched(value: number): number {
  let low = ZERO
  let high = LAST
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if ((BEGINS[middle] ?? 0) <= value) low = middle
    else high = middle - 1
  }
  return low
}

/** The first number of a bucket, and the first one behind it. */
export function boundsOf(bucket: number): readonly [from: number, to: number] {
  return [BEGINS[bucket] ?? 0, BEGINS[bucket + 1] ?? 0]
}

/** The number that stands for all in a bucket: the error relative to each is the same at both ends. */
export function valueOf(bucket: number): number {
  const [from, to] = boundsOf(bucket)
  return from === to - 1 ? from : (2 * from * (to - 1)) / (from + to - 1)
}
