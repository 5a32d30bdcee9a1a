/** What limits count of a call, whatever is known of its usage. It stands in the call's row, so that a restart counts the same. */
import type { BilledUsage } from "../../canonical/billed-usage.ts"
import type { Target } from "../../config/snapshot.ts"
import { dearestCost, type Costs } from "../../ledger/price.ts"
import type { AdmittedCall, Call } from "../call.ts"
import type { Gateway } from "../gateway.ts"
import { estimate } from "./estimate.ts"

const MILLION = 1_000_000

interface LimitAmounts {
  readonly tokens: number
  readonly nanoUsd: number
}

/** What an answer uses at most, as far as its request tells. */
export interface Reserved {
  readonly inputTokens: number
  readonly outputTokens: number
  readonly nanoUsd: number
}

/** What a call is billed for. */
interface Bill {
  readonly usage: BilledUsage | null
  readonly costs: Costs
  readonly target: Target | null
}

const NOTHING: LimitAmounts = { tokens: 0, nanoUsd: 0 }

/** `pending`: background usage, charged at its reservation until it is known; null: the usage is known. */
export function limitAmounts(call: Call, { usage, costs, target }: Bill, pending: Reserved | null): LimitAmounts {
  if (pending !== null)
    return { tokens: whole(pending.inputTokens + pending.outputTokens), nanoUsd: whole(pending.nanoUsd) }
  if (usage === null) return NOTHING
  const lease = call.hold?.lease ?? null
  const { freshInputTokens, cachedInputTokens, cacheWrite5mTokens, cacheWrite1hTokens, outputTokens } = usage
  const inputTokens = freshInputTokens + cachedInputTokens + cacheWrite5mTokens + cacheWrite1hTokens
  const nanoUsd = costs.total_cost_nano_usd ?? dearCost(target, inputTokens, outputTokens, costs)
  return {
    tokens: counted(inputTokens + outputTokens, (lease?.inputTokens ?? 0) + (lease?.outputTokens ?? 0)),
    nanoUsd: counted(nanoUsd, lease?.nanoUsd ?? 0),
  }
}

/** What the call reserved; where no limit counts tokens or money, what it would have. */
export function reservedFor(call: AdmittedCall, target: Target, { governance }: Gateway): Reserved {
  const lease = call.hold?.lease ?? null
  const held = lease === null || call.hold?.estimate === null ? null : lease
  const { inputTokens, outputTokens } = held ?? estimate(call, [target], governance.estimator)
  const isMoneyHeld = lease !== null && lease.nanoUsd > 0
  const imageNanoUsd = (call.imageCount ?? 0) * (target.reservation.prices?.imageNanoUsd ?? 0)
  const nanoUsd = isMoneyHeld ? lease.nanoUsd : (dearestOf(target, inputTokens, outputTokens, true) ?? 0) + imageNanoUsd
  return { inputTokens, outputTokens, nanoUsd }
}

/** Something was used, but what it cost cannot be known: a budget takes what is known, and the rest at the dearest price. */
export function dearCost(target: Target | null, inputTokens: number, outputTokens: number, costs: Costs): number {
  const { cost_unknown_reason: reason } = costs
  const beside = (costs.image_cost_nano_usd ?? 0) + (costs.hosted_tool_cost_nano_usd ?? 0)
  // its tokens have their price
  if (reason === "hosted-tool") return tokenCost(costs) + beside
  if (costs.input_price_nano_usd_per_million !== null)
    return dearestCost({ ...costs, input_tokens: inputTokens, output_tokens: outputTokens }) + beside
  const isServiceUnknown = reason === "service-tier" || reason === "speed" || reason === "inference-geo"
  return dearestOf(target, inputTokens, outputTokens, isServiceUnknown) ?? 0
}

function tokenCost(costs: Costs): number {
  const { input_cost_nano_usd, cached_input_cost_nano_usd, cache_write_cost_nano_usd, output_cost_nano_usd } = costs
  return (
    (input_cost_nano_usd ?? 0) +
    (cached_input_cost_nano_usd ?? 0) +
    (cache_write_cost_nano_usd ?? 0) +
    (output_cost_nano_usd ?? 0)
  )
}

/** `isDear`: at the dearest service there is. Null: the target has no prices. */
function dearestOf(target: Target | null, inputTokens: number, outputTokens: number, isDear: boolean): number | null {
  const prices = target?.reservation.prices ?? null
  const step = prices?.steps.findLast(({ aboveInputTokens }) => inputTokens > aboveInputTokens)
  if (prices === null || step === undefined) return null
  const factor = isDear ? prices.serviceTierFactor * prices.speedFactor * prices.inferenceGeoFactor : 1
  const plain = inputTokens * step.inputNanoUsdPerMillion + outputTokens * step.outputNanoUsdPerMillion
  return Math.ceil((plain * factor) / MILLION)
}

/** An upstream may report anything: what is no count is taken for all that was reserved. */
function counted(value: number, reserved: number): number {
  return Number.isSafeInteger(value) && value >= 0 ? value : whole(reserved)
}

/** A cap may be any number. */
function whole(value: number): number {
  return Math.min(value, Number.MAX_SAFE_INTEGER)
}
