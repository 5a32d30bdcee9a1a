/** The money of a run: each exchange must fit into what is left before it is made. */
import type { BilledUsage } from "../canonical/billed-usage.ts"
import type { Target } from "../config/snapshot.ts"
import { priceCall } from "../ledger/price.ts"
import { undecided, type TokenBound } from "./check.ts"

const MILLION = 1_000_000
export const NANO_PER_USD = 1_000_000_000

/** Nano-USD that so many tokens cost at most; null: a price is unknown. */
export function dearest({ prices }: Target, { input, output }: TokenBound): number | null {
  const tiers = prices.tiers.map((tier) => tier.prices)
  const inputPrice = most(
    prices.input,
    prices.cacheWrite5m,
    prices.imageInput,
    ...tiers.flatMap((tier) => [tier.input, tier.cacheWrite5m]),
  )
  const outputPrice = most(prices.output, ...tiers.map((tier) => tier.output))
  if (inputPrice === null || outputPrice === null) return null
  return Math.ceil((input * inputPrice + output * outputPrice) / MILLION)
}

/** Null: the price itself is unknown; others that are unknown do not count. */
function most(own: number | null, ...others: readonly (number | null | undefined)[]): number | null {
  return own === null ? null : Math.max(own, ...others.map((price) => price ?? 0))
}

export class Purse {
  /** Nano-USD; null: no bound. */
  readonly #most: number | null
  /** What was spent, as far as it is known. */
  spentNanoUsd = 0
  /** The cost of some exchange is unknown. */
  hasUnknown = false

  constructor(mostNanoUsd: number | null) {
    this.#most = mostNanoUsd
  }

  /** Takes the most that an exchange may cost. @throws Judgement where that is more than is left, or not known */
  reserve(target: Target, bound: TokenBound): Reserved {
    const cost = dearest(target, bound)
    if (this.#most !== null) {
      if (cost === null) undecided("its prices are not configured, so that no bound of money holds")
      if (this.spentNanoUsd + cost > this.#most) undecided("what is left of the money is not enough")
    }
    this.spentNanoUsd += cost ?? 0
    return {
      settle: (usage, serviceTier) => {
        const known = usage === null ? null : priceCall(target.prices, usage, serviceTier, 0).total_cost_nano_usd
        if (known === null && cost === null) this.hasUnknown = true
        const spent = known ?? cost ?? 0
        this.spentNanoUsd += spent - (cost ?? 0)
        return known
      },
      release: () => {
        this.spentNanoUsd -= cost ?? 0
      },
    }
  }
}

export interface Reserved {
  /** Nano-USD that the exchange cost; null: unknown, and the most that it may have cost is booked. */
  readonly settle: (usage: BilledUsage | null, serviceTier: string | null) => number | null
  /** Nothing was spent. */
  readonly release: () => void
}
