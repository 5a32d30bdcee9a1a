/** What the policies are compared on. */
import type { FarEnd } from "./far-end.ts"

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly about: string
  readonly minutes: number
  readonly callsPerSecond: number
  readonly farEnds: readonly FarEnd[]
  /** The target that gets worse, and the minutes in which it is; null: none does. */
  readonly trouble: { readonly target: string; readonly fromMinute: number; readonly toMinute: number } | null
}

const STEADY = { fromMinute: 0, firstTokenMs: 400, tokensPerSecond: 80, errorShare: 0.002 } as const

/** In the order of their catalogue prices, as an operator would list them for `failover`. */
const EQUALLY_FAST: readonly FarEnd[] = [
  { name: "listed-cheap", weight: 1, prices: [2, 2, 8], cachedShare: 0, conditions: [STEADY] },
  { name: "warm-cache", weight: 1, prices: [2.5, 0.25, 8], cachedShare: 0.8, conditions: [STEADY] },
  { name: "dear", weight: 1, prices: [4, 2, 12], cachedShare: 0.3, conditions: [STEADY] },
]

const favourite = (worse: {
  readonly firstTokenMs: number
  readonly tokensPerSecond: number
  readonly errorShare: number
}): FarEnd => ({
  name: "favourite",
  weight: 1,
  prices: [2, 2, 8],
  cachedShare: 0,
  conditions: [STEADY, { fromMinute: 20, ...worse }, { ...STEADY, fromMinute: 40 }],
})

const OTHERS: readonly FarEnd[] = [
  { name: "second", weight: 1, prices: [3, 3, 12], cachedShare: 0, conditions: [STEADY] },
  { name: "third", weight: 1, prices: [4, 4, 16], cachedShare: 0, conditions: [STEADY] },
]

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "cost",
    title: "Three equally fast targets",
    about:
      "They differ in price only. The one that is cheapest in the catalogue is not the cheapest in truth: another one reads most of its input from a prompt cache.",
    minutes: 60,
    callsPerSecond: 10,
    farEnds: EQUALLY_FAST,
    trouble: null,
  },
  {
    name: "slow",
    title: "The favourite gets slow",
    about:
      "From minute 20 to 40 the cheapest target, first in every list, takes five times as long to its first token and writes four times as slowly.",
    minutes: 80,
    callsPerSecond: 10,
    farEnds: [favourite({ firstTokenMs: 2000, tokensPerSecond: 20, errorShare: 0.002 }), ...OTHERS],
    trouble: { target: "favourite", fromMinute: 20, toMinute: 40 },
  },
  {
    name: "failing",
    title: "The favourite fails",
    about:
      "From minute 20 to 40 seven of ten attempts at the cheapest target fail after 300 ms; each is cured by the next target.",
    minutes: 80,
    callsPerSecond: 10,
    farEnds: [favourite({ ...STEADY, errorShare: 0.7 }), ...OTHERS],
    trouble: { target: "favourite", fromMinute: 20, toMinute: 40 },
  },
]

export const POLICIES = ["failover", "weighted", "dynamic_score"] as const
export type Policy = (typeof POLICIES)[number]
