/** What a call may use at most, as far as its body tells: worked out only for calls whose tokens or money are limited. */
import type { Target } from "../config/snapshot.ts"
import type { Estimator } from "../governance/estimator.ts"
import { encodedTokens, hidesContent, outputBound, textBytes, UNKNOWN_CONTEXT_TOKENS } from "../routing/most-usage.ts"
import type { Call } from "./call.ts"

export interface Estimate {
  readonly inputTokens: number
  /** To be reserved: the cap of one answer times the number of answers. */
  readonly outputTokens: number
  readonly leastOutputTokens: number
  readonly inputNanoUsd: number
  readonly outputNanoUsdPerMillion: number
  /** Of text alone, where nothing else is in the body: what the estimator may learn from. Null: there is something else. */
  readonly textBytes: number | null
  /** A stream without a cap grows in steps of so many tokens; 0: it does not grow. */
  readonly stepTokens: number
  /** No model of the group writes more than this. */
  readonly maxOutputTokens: number
  /** The router must send what was granted as the output cap, if it is less than was asked for. */
  readonly isUncapped: boolean
}

/** Where the catalogue says nothing. */
const UNKNOWN_MAX_OUTPUT_TOKENS = 32_768
/** No call writes more, whatever it asks for: larger numbers would spoil every sum. */
const MOST_OUTPUT_TOKENS = 1e9
/** Fewer output tokens than this serve nobody, and Responses takes no smaller cap. */
const LEAST_CAP = 16
const MILLION = 1_000_000

/** `targets`: those that may serve the call. */
export function estimate(call: Call, targets: readonly Target[], estimator: Estimator): Estimate {
  const { facts } = call
  const isHidden = call.body !== null && hidesContent(call, call.group)
  const output = outputOf(call, targets)
  const outputTokens = Math.min(output.tokens * facts.choices, MOST_OUTPUT_TOKENS)
  const visible = visibleTokens(call, targets, estimator)
  const inputTokens = isHidden ? Math.max(visible, largestContext(targets) - output.tokens) : visible
  const isUncapped = facts.outputCap === null
  const streams = facts.stream && outputBound(call) === null
  return {
    inputTokens,
    outputTokens,
    leastOutputTokens: isUncapped && !facts.stream ? LEAST_CAP * facts.choices : outputTokens,
    ...dearest(call, targets, inputTokens),
    textBytes:
      isHidden || call.shape.imageCount > 0 || call.shape.encodedBytes > 0 ? null : (call.body?.bytes.length ?? 0),
    stepTokens: streams ? outputTokens : 0,
    maxOutputTokens: output.maxTokens * facts.choices,
    isUncapped: isUncapped && !facts.stream,
  }
}

function largestContext(targets: readonly Target[]): number {
  return Math.max(0, ...targets.map(({ reservation }) => reservation.contextTokens ?? UNKNOWN_CONTEXT_TOKENS))
}

/** Of one model, for calls that must be billed although nobody reported anything. */
export function visibleInputTokens(call: Call, target: Target, estimator: Estimator): number {
  return visibleTokens(call, [target], estimator)
}

function visibleTokens(call: Call, targets: readonly Target[], estimator: Estimator): number {
  if (call.body === null) return 0
  const text = textBytes(call)
  let tokens = 0
  for (const { model } of targets) tokens = Math.max(tokens, estimator.tokens(model, text))
  return tokens + encodedTokens(call.shape)
}

/** Per answer: what is asked for, but no more than a model of the group can write, and the most that one gives. */
function outputOf(call: Call, targets: readonly Target[]): { readonly tokens: number; readonly maxTokens: number } {
  const { facts } = call
  let maxTokens = 0
  let ceiling = 0
  let streamTokens = 0
  for (const { reservation } of targets) {
    const most = reservation.maxOutputTokens ?? UNKNOWN_MAX_OUTPUT_TOKENS
    maxTokens = Math.max(maxTokens, reservation.maxOutputTokens ?? Infinity)
    ceiling = Math.max(ceiling, reservation.maxOutputTokens ?? reservation.contextTokens ?? Infinity)
    streamTokens = Math.max(streamTokens, facts.stream ? Math.min(most, reservation.streamTokens) : most)
  }
  return { tokens: Math.min(outputBound(call) ?? streamTokens, ceiling), maxTokens }
}

/** Each part at the dearest target, so that whichever serves the call costs no more. */
function dearest(
  call: Call,
  targets: readonly Target[],
  inputTokens: number,
): Pick<Estimate, "inputNanoUsd" | "outputNanoUsdPerMillion"> {
  let inputNanoUsd = 0
  let outputNanoUsdPerMillion = 0
  if (call.credential?.caller.limits?.countsMoney !== true) return { inputNanoUsd, outputNanoUsdPerMillion }
  const namesTier = call.body !== null && call.shape.namesServiceTier
  const { imageCount } = call.shape
  for (const { reservation } of targets) {
    const { prices } = reservation
    if (prices === null) continue
    const step = prices.steps.findLast(({ aboveInputTokens }) => inputTokens > aboveInputTokens)
    const factor = namesTier ? prices.serviceTierFactor : 1
    const input = (inputTokens * (step?.inputNanoUsdPerMillion ?? 0)) / MILLION + imageCount * prices.imageNanoUsd
    inputNanoUsd = Math.max(inputNanoUsd, Math.ceil(input * factor))
    outputNanoUsdPerMillion = Math.max(outputNanoUsdPerMillion, (step?.outputNanoUsdPerMillion ?? 0) * factor)
  }
  return { inputNanoUsd, outputNanoUsdPerMillion }
}
