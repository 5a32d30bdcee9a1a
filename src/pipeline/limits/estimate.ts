/** What a call may use at most, as far as its body tells: worked out only for calls whose tokens or money are limited. */
import type { Credential, Group, Target } from "../../config/snapshot.ts"
import type { Estimator } from "../../governance/estimator.ts"
import {
  encodedTokens,
  hidesContent,
  IMAGE_TOKENS,
  outputBound,
  textBytes,
  UNKNOWN_CONTEXT_TOKENS,
} from "../../routing/most-usage.ts"
import { dearestFactor } from "../../routing/service-factor.ts"
import type { Estimate } from "../call/hold.ts"
import type { CallRequest } from "../call/request.ts"

/** A call that its caller may make is one. */
interface Asking {
  readonly request: CallRequest
  readonly group: Group
  readonly credential: Credential
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
export function estimate(call: Asking, targets: readonly Target[], estimator: Estimator): Estimate {
  const { request, group } = call
  const { facts } = request
  const isHidden = hidesContent(request, group)
  const output = outputOf(request, targets)
  const outputTokens = Math.min(output.tokens * facts.drafts, MOST_OUTPUT_TOKENS)
  const input = visibleInput(request, targets, reservedImage(request, estimator), estimator)
  const visible = input.text + input.files
  const inputTokens = isHidden ? Math.max(visible, largestContext(targets) - output.tokens) : visible
  // who says 0 may mean that there is to be no cap
  const sendsGrant = !facts.stream && !output.isCapped && facts.outputCap?.tokens !== 0
  return {
    inputTokens,
    outputTokens,
    leastOutputTokens: sendsGrant ? Math.max(LEAST_CAP, output.askedTokens) * facts.drafts : outputTokens,
    ...dearest(call, targets, inputTokens, isHidden ? inputTokens : input.files),
    ...learnable(request, isHidden),
    stepTokens: output.isCapped ? Math.ceil(outputTokens / CAPPED_STEPS) + LEAST_CAP : outputTokens,
    maxOutputTokens: output.maxTokens * facts.drafts,
    isCapped: output.isCapped,
    sendsGrant,
  }
}

function largestContext(targets: readonly Target[]): number {
  return Math.max(0, ...targets.map(({ reservation }) => reservation.contextTokens ?? UNKNOWN_CONTEXT_TOKENS))
}

function learnable(request: CallRequest, isHidden: boolean): Pick<Estimate, "textBytes" | "imageTextBytes"> {
  const { imageCount, encodedBytes, encodedImageBytes } = request.shape
  if (isHidden || encodedBytes > encodedImageBytes) return { textBytes: null, imageTextBytes: null }
  if (imageCount > 0) return { textBytes: null, imageTextBytes: textBytes(request) }
  return { textBytes: request.bodyBytes, imageTextBytes: null }
}

/** In base64, on an average. */
export function bytesPerImage({ shape }: CallRequest): number {
  return shape.imageCount === 0 ? 0 : shape.encodedImageBytes / shape.imageCount
}

type ImageTokens = (model: string, reservation: Target["reservation"]) => number

function reservedImage(request: CallRequest, estimator: Estimator): ImageTokens {
  return (model, { maxImageTokens }) =>
    maxImageTokens === null
      ? estimator.reservedImageTokens(model, IMAGE_TOKENS, bytesPerImage(request))
      : estimator.imageTokens(model, maxImageTokens)
}

function likelyImage(estimator: Estimator): ImageTokens {
  return (model, { maxImageTokens }) => estimator.imageTokens(model, maxImageTokens ?? IMAGE_TOKENS)
}

/** Of one model, for calls that must be billed although nobody reported anything. */
export function visibleInputTokens(request: CallRequest, target: Target, estimator: Estimator): number {
  const { text, files } = visibleInput(request, [target], likelyImage(estimator), estimator)
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
  request: CallRequest,
  targets: readonly Target[],
  imageTokens: ImageTokens,
  estimator: Estimator,
): VisibleInput {
  const bytes = textBytes(request)
  let text = 0
  let files = 0
  for (const { model, reservation } of targets) {
    text = Math.max(text, estimator.tokens(model, bytes))
    const { maxImageTokens, contextTokens } = reservation
    const perImage = request.shape.imageCount === 0 ? 0 : imageTokens(model, reservation)
    const most = encodedTokens(request.shape, perImage, maxImageTokens !== null)
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

/** Of one answer: the requested output, clamped to the models' maximum; and that maximum. */
function outputOf(request: CallRequest, targets: readonly Target[]): Output {
  const { facts } = request
  let maxTokens = 0
  let ceiling = 0
  let streamTokens = 0
  let capTokens = 0
  let isCapped = true
  for (const target of targets) {
    const { reservation } = target
    const bound = outputBound(request, target)
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
  { request, group, credential }: Asking,
  targets: readonly Target[],
  inputTokens: number,
  files: number,
): Pick<Estimate, "inputNanoUsd" | "outputNanoUsdPerMillion"> {
  let inputNanoUsd = 0
  let outputNanoUsdPerMillion = 0
  if (credential.caller.limits?.countsMoney !== true) return { inputNanoUsd, outputNanoUsdPerMillion }
  const { imageCount, hostedToolCount } = request.shape
  const tools = group.hostedTools === "strip" ? 0 : Math.min(1, hostedToolCount)
  for (const target of targets) {
    const { prices } = target.reservation
    if (prices === null) continue
    const step = prices.steps.findLast(({ aboveInputTokens }) => inputTokens > aboveInputTokens)
    const factor = dearestFactor(target, request)
    const perMillion = step?.inputNanoUsdPerMillion ?? 0
    const media = Math.max(0, prices.mediaNanoUsdPerMillion - perMillion) * files
    const input = (inputTokens * perMillion + media) / MILLION + imageCount * prices.imageNanoUsd
    const uses = tools * HOSTED_TOOL_USES * prices.hostedToolNanoUsd
    inputNanoUsd = Math.max(inputNanoUsd, Math.ceil(input * factor) + uses)
    outputNanoUsdPerMillion = Math.max(outputNanoUsdPerMillion, (step?.outputNanoUsdPerMillion ?? 0) * factor)
  }
  return { inputNanoUsd, outputNanoUsdPerMillion }
}
