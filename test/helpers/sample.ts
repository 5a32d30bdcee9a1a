/**
 * Draws of what a test run covers. `TEST_SCOPE=whole` covers every case; otherwise (`sample`) a run covers a draw of them,
 * which `TEST_SEED` (an integer) decides, so that many runs cover everything and any one can be had again.
 */
import path from "node:path"

/** Whether this run covers every case. */
export const WHOLE: boolean = process.env["TEST_SCOPE"] === "whole"

/** The number that decides every draw of this run. */
export const SEED: number = seedFrom(process.env["TEST_SEED"])

/** A sampled run tries one in so many of the inputs that a property is tried with in a whole run. */
const PROPERTY_SHARE = 16
const FEWEST_INPUTS = 6

/**
 * All cases in a whole run; otherwise `count` of them (all where there are fewer), none twice, in the order given.
 * The same seed draws the same cases from the same list.
 */
export function sampled<Case>(cases: readonly Case[], count: number): readonly Case[] {
  return WHOLE ? cases : drawnBy(SEED, cases, count)
}

/** As `sampled`, with another draw in each test file: of dialects and databases, on which all of a file's tests depend. */
export function drawn<Case>(cases: readonly Case[], count = 1): readonly Case[] {
  return WHOLE ? cases : drawnBy(SEED + Bun.hash.crc32(path.basename(Bun.main)), cases, count)
}

/** `count` of the cases, as `sampled` draws them with this seed. */
export function drawnBy<Case>(seed: number, cases: readonly Case[], count: number): readonly Case[] {
  if (cases.length <= count) return cases
  const chosen = new Set(shuffled(cases.keys().toArray(), randomOf(`${seed} ${cases.length} ${count}`)).slice(0, count))
  return cases.filter((_, index) => chosen.has(index))
}

/**
 * As `sampled`, so that every kind is there: at least one case is drawn for each kind that `kindsOf` names for a case,
 * and further ones until there are `count`.
 */
export function sampledByKind<Case>(
  cases: readonly Case[],
  kindsOf: (one: Case) => readonly string[],
  count: number,
): readonly Case[] {
  if (WHOLE || cases.length <= count) return cases
  const random = randomOf(`${SEED} ${cases.length} ${count} kinds`)
  const order = shuffled(cases.keys().toArray(), random)
  const seen = new Set<string>()
  const chosen = new Set<number>()
  for (const index of order) {
    const kinds = kindsOf(cases[index]!)
    if (kinds.every((kind) => seen.has(kind))) continue
    chosen.add(index)
    for (const kind of kinds) seen.add(kind)
  }
  for (const index of order) if (chosen.size < count) chosen.add(index)
  return cases.filter((_, index) => chosen.has(index))
}

/** What a property is tried with: `inputs` inputs in a whole run, a sixteenth of them otherwise; fast-check's parameters. */
export function runs(inputs: number): { readonly numRuns: number; readonly seed: number } {
  const numRuns = WHOLE ? inputs : Math.min(inputs, Math.max(FEWEST_INPUTS, Math.ceil(inputs / PROPERTY_SHARE)))
  return { numRuns, seed: SEED }
}

function seedFrom(text: string | undefined): number {
  const seed = Number(text ?? "1")
  if (!Number.isSafeInteger(seed)) throw new TypeError(`TEST_SEED is not an integer: ${text}`)
  return seed
}

function shuffled(indexes: readonly number[], random: () => number): readonly number[] {
  const order = [...indexes]
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1))
    const kept = order[last]!
    order[last] = order[other]!
    order[other] = kept
  }
  return order
}

/** Mulberry32, from the name of a draw; numbers from 0 (included) to 1 (excluded). */
function randomOf(name: string): () => number {
  let state = Number(Bun.hash.wyhash(name) & 0xffff_ffffn)
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}
