/** The comparison with llhttp at length, from a fixed seed: about a minute. */
import { expect, test } from "bun:test"
import { emptyTally, fuzzOnce, unjudged } from "./fuzz.ts"

const FIRST_SEED = 11_000_000
const SEEDS = 300_000

test("no wire of six hundred thousand is read otherwise than llhttp reads it", async () => {
  const tally = emptyTally()
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) await fuzzOnce(seed, tally)
  expect(tally.wires).toBe(2 * SEEDS)
  expect(tally.laxer).toEqual([])
  expect(unjudged(tally)).toEqual([])
}, 1_200_000)
