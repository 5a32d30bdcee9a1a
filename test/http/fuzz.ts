/** Runs the two readers side by side over wires from a seed. */
import { judgeRequests, judgeResponse, type Verdict } from "./judge.ts"
import { STRICTER } from "./stricter.ts"
import { cutsOf, Dice, requestWire, responseWire } from "./wires.ts"

export interface Tally {
  wires: number
  same: number
  /** How often we refuse what llhttp reads, by what we say. */
  readonly stricter: Map<string, number>
  /** We read what llhttp refuses, or another thing; the seed makes the wire again. */
  readonly laxer: { readonly seed: number; readonly why: string; readonly wire: string }[]
}

export function emptyTally(): Tally {
  return { wires: 0, same: 0, stricter: new Map(), laxer: [] }
}

/** One wire of each direction. Equal seeds make equal wires. */
export async function fuzzOnce(seed: number, tally: Tally): Promise<void> {
  const dice = new Dice(seed)
  const request = requestWire(dice)
  count(tally, seed, request, await judgeRequests(request, cutsOf(dice, request.length)))
  const response = responseWire(dice)
  count(tally, seed, response, judgeResponse(response, cutsOf(dice, response.length), dice.oneIn(2)))
}

function count(tally: Tally, seed: number, wire: Buffer, verdict: Verdict): void {
  tally.wires++
  if (verdict.kind === "same") tally.same++
  else if (verdict.kind === "laxer") tally.laxer.push({ seed, why: verdict.why, wire: wire.toString("latin1") })
  else tally.stricter.set(verdict.why, (tally.stricter.get(verdict.why) ?? 0) + 1)
}

/** Refusals of ours alone that no reason is given for. */
export function unjudged(tally: Tally): string[] {
  return [...tally.stricter.keys()].filter((why) => !(why in STRICTER))
}
