/** What a call may use at most, as far as its body tells: worked out only for calls whose tokens or money are limited. */
import type { Target } from "../config/snapshot.ts"
import type { Estimator } from "../governance/estimator.ts"
import {
  encodedTokens,
  hidesContent,
  IMAGE_TOKENS,
  outputBound,
  textBytes,
  UNKNOWN_CONTEXT_TOKENS,
} from "../routing/most-usage.ts"
import { dearestFactor } from "../routing/service-factor.ts"
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
  /** The same of a body that holds images beside its text. */
  readonly imageTextBytes: number | null
  /** A stream that outgrows its reservation reserves so many tokens more. */
  readonly stepTokens: number
  /** No model of the group writes more than this. */
  readonly maxOutputTokens: number
  /** The client's cap binds every target, so that no answer should outgrow it. */
  readonly isCapped: boolean
  /** The router must send what was granted as the output cap, if it is less than was asked for. */
  readonly sendsGrant: boolean
}

/** Where the catalogue says nothing, and the router itself sends no larger cap. */
const UNKNOWN_MAX_OUTPUT_TOKENS = 32_768
/** No call writes more, whatever it asks for: larger numbers would spoil every sum. */
const MOST_OUTPUT_TOKENS = 1e9
/** Fewer output tokens than this serve nobody, and Responses takes no smaller cap. */
const LEAST_CAP = 16
const MILLION = 1_000_000
/** An answer beyond its cap reserves this part of the cap at a time. */
const CAPPED_STEPS = 4

/** `targets`: those that may serve the call. */
export function estimate(call: Call, targets: readonly Target[], estimator: Estimator): Estimate {
  const { facts } = call
  const isHidden = call.body !== null && hidesContent(call, call.group)
  const output = outputOf(call, targets)
  const outputTokens = Math.min(output.tokens * facts.drafts, MOST_OUTPUT_TOKENS)
  const input = visibleInput(call, targets, reservedImage(call, estimator), estimator)
  const visible = input.text + input.files
  const inputTokens = isHidden ? Math.max(visible, largestContext(targets) - output.tokens) : visible
  // who says 0 may mean that there is to be no cap
  const sendsGrant = !facts.stream && !output.isCapped && facts.outputCap?.tokens !== 0
  return {
    inputTokens,
    outputTokens,
    leastOutputTokens: sendsGrant ? Math.max(LEAST_CAP, output.askedTokens) * facts.drafts : outputTokens,
    ...dearest(call, targets, inputTokens, isHidden ? inputTokens : input.files),
    ...learnable(call, isHidden),
    stepTokens: output.isCapped ? Math.ceil(outputTokens / CAPPED_STEPS) + LEAST_CAP : outputTokens,
    maxOutputTokens: output.maxTokens * facts.drafts,
    isCapped: output.isCapped,
    sendsGrant,
  }
}

function largestContext(targets: readonly Target[]): number {
  return Math.max(0, ...targets.map(({ reservation }) => reservation.contextTokens ?? UNKNOWN_CONTEXT_TOKENS))
}

function learnable(call: Call, isHidden: boolean): Pick<Estimate, "textBytes" | "imageTextBytes"> {
  const { imageCount, encodedBytes, encodedImageBytes } = call.shape
  if (isHidden || encodedBytes > encodedImageBytes) return { textBytes: null, imageTextBytes: null }
  if (imageCount > 0) return { textBytes: null, imageTextBytes: textBytes(call) }
  return { textBytes: call.body?.bytes.length ?? 0, imageTextBytes: null }
}

/** In base64, on an average. */
export function bytesPerImage({ shape }: Call): number {
  return shape.imageCount === 0 ? 0 : shape.encodedImageBytes / shape.imageCount
}

type ImageTokens = (model: string, reservation: Target["reservation"]) => number

function reservedImage(call: Call, estimator: Estimator): ImageTokens {
  return (model, { maxImageTokens }) =>
    maxImageTokens === null
      ? estimator.reservedImageTokens(model, IMAGE_TOKENS, bytesPerImage(call))
      : estimator.imageTokens(model, maxImageTokens)
}

function likelyImage(estimator: Estimator): ImageTokens {
  return (model, { maxImageTokens }) => estimator.imageTokens(model, maxImageTokens ?? IMAGE_TOKENS)
}

/** Of one model, for calls that must be billed although nobody reported anything. */
export function visibleInputTokens(call: Call, target: Target, estimator: Estimator): number {
  const { text, files } = visibleInput(call, [target], likelyImage(estimator), estimator)
  return text + files
}

/** In tokens. */
interface VisibleInput {
  readonly text: number
  /** Images, and files in base64. */
  readonly files: number
}

/** `imageTokens`: of one image. Files take no more than a model's context, where the catalogue says how large that is. */
function visibleInput(
  call: Call,
  targets: readonly Target[],
  imageTokens: ImageTokens,
  estimator: Estimator,
): VisibleInput {
  if (call.body === null) return { text: 0, files: 0 }
  const bytes = textBytes(call)
  let text = 0
  let files = 0
  for (const { model, reservation } of targets) {
    text = Math.max(text, estimator.tokens(model, bytes))
    const { maxImageTokens, contextTokens } = reservation
    const perImage = call.shape.imageCount === 0 ? 0 : imageTokens(model, reservation)
    const most = encodedTokens(call.shape, perImage, maxImageTokens !== null)
    files = Math.max(files, Math.min(most, contextTokens ?? Infinity))
  }
  return { text, files }
}

interface Output {
  readonly tokens: number
  /** By the client's cap, whether or not a server reads it; 0: it has none. */
  readonly askedTokens: number
  readonly maxTokens: number
  readonly isCapped: boolean
}

/** Per answer: what is asked for, but no more than a model of the group can write, and the most that one gives. */
function outputOf(call: Call, targets: readonly Target[]): Output {
  const { facts } = call
  let maxTokens = 0
  let ceiling = 0
  let streamTokens = 0
  let capTokens = 0
  let isCapped = true
  for (const target of targets) {
    const { reservation } = target
    const bound = outputBound(call, target)
    isCapped &&= bound !== null
    // what is said where a server is not known to look may bind it all the same, and then allows so much
    capTokens = Math.max(capTokens, bound ?? facts.outputCap?.tokens ?? 0)
    const most = reservation.maxOutputTokens ?? Math.max(UNKNOWN_MAX_OUTPUT_TOKENS, target.facts.defaultOutputTokens)
    maxTokens = Math.max(maxTokens, reservation.maxOutputTokens ?? Infinity)
    ceiling = Math.max(ceiling, reservation.maxOutputTokens ?? reservation.contextTokens ?? Infinity)
    streamTokens = Math.max(streamTokens, facts.stream ? Math.min(most, reservation.streamTokens) : most)
  }
  const tokens = isCapped ? capTokens : Math.max(capTokens, streamTokens)
  return { tokens: Math.min(tokens, ceiling), askedTokens: Math.min(capTokens, ceiling), maxTokens, isCapped }
}

/** Uses of hosted tools that are reserved: nothing in most requests bounds them. */
const HOSTED_TOOL_USES = 10

/** Each part at the dearest target, so that whichever serves the call costs no more. `files`: tokens of the input that are no text. */
function dearest(
  call: Call,
  targets: readonly Target[],
  inputTokens: number,
  files: number,
): Pick<Estimate, "inputNanoUsd" | "outputNanoUsdPerMillion"> {
  let inputNanoUsd = 0
  let outputNanoUsdPerMillion = 0
  if (call.credential?.caller.limits?.countsMoney !== true) return { inputNanoUsd, outputNanoUsdPerMillion }
  const { imageCount } = call.shape
  const tools = call.group?.hostedTools === "strip" ? 0 : Math.min(1, call.shape.hostedToolCount)
  for (const target of targets) {
    const { prices } = target.reservation
    if (prices === null) continue
    const step = prices.steps.findLast(({ aboveInputTokens }) => inputTokens > aboveInputTokens)
    const factor = dearestFactor(target, call)
    const perMillion = step?.inputNanoUsdPerMillion ?? 0
    const media = Math.max(0, prices.mediaNanoUsdPerMillion - perMillion) * files
    const input = (inputTokens * perMillion + media) / MILLION + imageCount * prices.imageNanoUsd
    const uses = tools * HOSTED_TOOL_USES * prices.hostedToolNanoUsd
    inputNanoUsd = Math.max(inputNanoUsd, Math.ceil(input * factor) + uses)
    outputNanoUsdPerMillion = Math.max(outputNanoUsdPerMillion, (step?.outputNanoUsdPerMillion ?? 0) * factor)
  }
  return { inputNanoUsd, outputNanoUsdPerMillion }
}
