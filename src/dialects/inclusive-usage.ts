/**
 * Reports whose input total includes cached tokens and whose output total includes reasoning: Chat Completions and
 * Responses say the same in different words. What departs from that is told by the report's own total.
 */
import { unreportedSide, type BilledUsage, type BilledParts } from "../canonical/billed-usage.ts"
import { asCount, asObject, type Loose } from "./loose.ts"
import {
  CACHE_READ,
  CACHE_WRITE,
  counted,
  inferenceGeoOf,
  longWrites,
  reportedCostUsd,
  reportedSides,
  speedOf,
} from "./usage-words.ts"

export interface UsageNames {
  readonly input: string
  readonly inputDetails: string
  readonly output: string
  readonly outputDetails: string
}

/** `hostedTools`: uses of tools that the answer tells of. */
export function readInclusiveUsage(
  usage: Loose,
  names: UsageNames,
  hostedTools: BilledParts["hostedTools"] | null,
): BilledUsage | null {
  const input = asCount(usage[names.input])
  const output = asCount(usage[names.output])
  if (input === null && output === null) return null
  const details = asObject(usage[names.inputDetails])
  const outputDetails = asObject(usage[names.outputDetails])
  const reasoning = asCount(outputDetails?.["reasoning_tokens"]) ?? asCount(usage["reasoning_tokens"])
  const cache = { read: counted(usage, details, CACHE_READ) ?? 0, written: counted(usage, details, CACHE_WRITE) ?? 0 }
  const all = asCount(usage["total_tokens"])
  const totals = { input: input ?? 0, output: output ?? 0, reasoning, all }
  // thoughts that only the total tells of
  const isTold = output === null && input !== null && all !== null && all > input
  const split = splitInput(totals, cache)
  const long = split.written === 0 ? 0 : Math.min(longWrites(usage, details), split.written)
  return {
    freshInputTokens: split.fresh,
    cachedInputTokens: split.read,
    cacheWrite5mTokens: split.written - long,
    cacheWrite1hTokens: long,
    outputTokens: split.isOutside || (output === null && !isTold) ? totals.output : outputTokens(totals),
    reasoningTokens: reasoning,
    unreported: unreportedSide(input, isTold ? all - input : output),
    reportedCostUsd: reportedCostUsd(usage),
    mixedModels: false,
    parts: partsOf(usage, details, outputDetails, hostedTools),
  }
}

interface Totals {
  readonly input: number
  readonly output: number
  readonly reasoning: number | null
  readonly all: number | null
}

/**
 * Cache counters are cut to what the input total leaves for them, unless the total of all adds them to it: then they
 * stand outside of the input, as in Anthropic's own reports, which some gateways copy.
 */
function splitInput(
  { input, output, reasoning, all }: Totals,
  { read, written }: { readonly read: number; readonly written: number },
): { readonly fresh: number; readonly read: number; readonly written: number; readonly isOutside: boolean } {
  const cached = read + written
  if (cached > 0 && cached !== reasoning && all === input + output + cached)
    return { fresh: input, read, written, isOutside: true }
  const readWithin = Math.min(read, input)
  const writtenWithin = Math.min(written, input - readWithin)
  return { fresh: input - readWithin - writtenWithin, read: readWithin, written: writtenWithin, isOutside: false }
}

/**
 * Reasoning may stand beside the output (xAI), or nowhere but in the total (Gemini's thoughts through gateways,
 * mozilla-ai/any-llm#1290): all that the total has beyond the input was written by the model. Without a total, more
 * reasoning than output cannot be a part of it.
 */
function outputTokens({ input, output, reasoning, all }: Totals): number {
  if (all === null && reasoning !== null && reasoning > output) return output + reasoning
  return all !== null && all > input + output ? all - input : output
}

/** Null where nothing of it is there, as for nearly every call. */
function partsOf(
  usage: Loose,
  input: Loose | null,
  output: Loose | null,
  hostedTools: BilledParts["hostedTools"] | null,
): BilledParts | null {
  const inputImageTokens = asCount(input?.["image_tokens"]) ?? 0
  const inputAudioTokens = asCount(input?.["audio_tokens"]) ?? 0
  const outputImageTokens = asCount(output?.["image_tokens"]) ?? 0
  const outputAudioTokens = asCount(output?.["audio_tokens"]) ?? 0
  const speed = speedOf(usage)
  const inferenceGeo = inferenceGeoOf(usage)
  const [reportedInputUsd, reportedOutputUsd] = reportedSides(usage)
  const isPlain = inputImageTokens + inputAudioTokens + outputImageTokens + outputAudioTokens === 0
  const isUsual = speed === null && inferenceGeo === null && hostedTools === null
  if (isPlain && isUsual && reportedInputUsd === null && reportedOutputUsd === null) return null
  return {
    inputImageTokens,
    inputAudioTokens,
    outputImageTokens,
    outputAudioTokens,
    hostedTools: hostedTools ?? {},
    speed,
    inferenceGeo,
    reportedInputUsd,
    reportedOutputUsd,
  }
}

export const NO_PARTS: BilledParts = {
  inputImageTokens: 0,
  inputAudioTokens: 0,
  outputImageTokens: 0,
  outputAudioTokens: 0,
  hostedTools: {},
  speed: null,
  inferenceGeo: null,
  reportedInputUsd: null,
  reportedOutputUsd: null,
}

/**
 * What is known when a stream reports again. The newest report counts, but a side of it that says 0 is no news where
 * something is known already: no call has an input of nothing, and servers fill what they do not count with zeros.
 */
export function laterUsage(before: BilledUsage | null, after: BilledUsage): BilledUsage {
  if (before === null) return after
  const isInputNews = inputOf(after) > 0 || inputOf(before) === 0
  const isOutputNews = after.outputTokens > 0 || before.outputTokens === 0
  const input = isInputNews ? after : before
  const output = isOutputNews ? after : before
  return {
    freshInputTokens: input.freshInputTokens,
    cachedInputTokens: input.cachedInputTokens,
    cacheWrite5mTokens: input.cacheWrite5mTokens,
    cacheWrite1hTokens: input.cacheWrite1hTokens,
    outputTokens: output.outputTokens,
    reasoningTokens: output.reasoningTokens,
    unreported: input.unreported === "input" ? "input" : output.unreported === "output" ? "output" : null,
    reportedCostUsd: after.reportedCostUsd ?? before.reportedCostUsd,
    mixedModels: after.mixedModels,
    parts: after.parts ?? before.parts,
  }
}

function inputOf({ freshInputTokens, cachedInputTokens, cacheWrite5mTokens, cacheWrite1hTokens }: BilledUsage): number {
  return freshInputTokens + cachedInputTokens + cacheWrite5mTokens + cacheWrite1hTokens
}
