/** The output cap, thinking, sampling and the format of the answer, for Anthropic. */

import type { JsonObject } from "../../canonical/json.ts"
import { planReasoning, type ReasoningPlan } from "../../canonical/reasoning-plan.ts"
import type { Request } from "../../canonical/request.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import { isObject } from "../../canonical/json.ts"
import type { RequestWriting } from "./write-block.ts"

/** What the conversation and the choice of tools demand of thinking. */
export interface ThinkingLimits {
  /** The turn that goes on does not begin with its thinking. */
  readonly lacksThinking: boolean
  readonly forcesTool: boolean
}

/** `max_tokens`, `thinking` and `output_config`; and whether the model will think, as far as is known. */
export function writeOutput(
  request: Request,
  limits: ThinkingLimits,
  writing: RequestWriting,
): { readonly wire: JsonObject; readonly thinks: boolean } {
  const wish = writing.isHome ? ownWish(request, limits, writing) : foreignWish(request, limits, writing)
  const { thinking, output_config: config } = request.extra
  const own = writing.isHome ? { ...wish.thinking, ...(isObject(thinking) ? thinking : {}) } : wish.thinking
  const output = {
    ...(wish.effort === null ? {} : { effort: wish.effort }),
    ...formatOf(request, writing),
    ...(writing.isHome && isObject(config) ? config : {}),
  }
  return {
    wire: {
      max_tokens: wish.maxTokens,
      ...(own === null || Object.keys(own).length === 0 ? {} : { thinking: own }),
      ...(Object.keys(output).length === 0 ? {} : { output_config: output }),
    },
    thinks: own !== null && (own["type"] === "enabled" || own["type"] === "adaptive"),
  }
}

interface Wish {
  readonly maxTokens: number
  readonly thinking: JsonObject | null
  readonly effort: string | null
}

/** As it was said, unless the history lost on the way what the target demands. */
function ownWish(request: Request, limits: ThinkingLimits, writing: RequestWriting): Wish {
  const maxTokens = capped(request.cap?.tokens ?? writing.facts.defaultOutputTokens, request, writing)
  const { control, budgetTokens, display, effort = null } = request.reasoning ?? {}
  if (control === undefined) return { maxTokens, thinking: null, effort }
  const lostThinking = writing.losses.list().some((loss) => loss.code === "reasoning-history")
  if (control === "enabled" && lostThinking && limits.lacksThinking) {
    writing.losses.add("reasoning-off", "reasoning")
    return { maxTokens, thinking: { type: "disabled" }, effort }
  }
  const thinking = {
    type: control,
    ...(budgetTokens === undefined ? {} : { budget_tokens: budgetTokens }),
    ...(display === undefined ? {} : { display }),
  }
  return { maxTokens, thinking, effort }
}

function foreignWish(request: Request, limits: ThinkingLimits, writing: RequestWriting): Wish {
  const { facts, losses } = writing
  const maxTokens = foreignCap(request, writing)
  const { plan, losses: planLosses } = planReasoning(request.reasoning, facts.reasoning, maxTokens)
  losses.addAll(planLosses)
  if (plan.kind === "budget" && limits.lacksThinking) {
    losses.add("reasoning-off", "reasoning")
    return { maxTokens, thinking: { type: "disabled" }, effort: null }
  }
  if (plan.kind === "budget" && limits.forcesTool) {
    losses.add("reasoning-control", "reasoning")
    return { maxTokens, thinking: { type: facts.reasoning.off }, effort: null }
  }
  return { maxTokens, ...planned(plan, request, writing) }
}

/** Room for an answer beside a budget. */
const USUAL_ANSWER_TOKENS = 8192

/** Without a client's cap a budget comes on top of the usual length, or nothing would be left for the answer; a long default holds both. */
function foreignCap(request: Request, writing: RequestWriting): number {
  const { facts } = writing
  if (request.cap !== undefined) return capped(request.cap.tokens, request, writing)
  const { plan } = planReasoning(request.reasoning, facts.reasoning, null)
  const extra = plan.kind === "budget" ? plan.tokens : 0
  const { defaultOutputTokens: usual, maxOutputTokens: most } = facts
  return Math.min(Math.max(usual, Math.min(usual, USUAL_ANSWER_TOKENS) + extra), most ?? Number.MAX_SAFE_INTEGER)
}

function capped(tokens: number, request: Request, writing: RequestWriting): number {
  const { maxOutputTokens, minOutputTokens } = writing.facts
  const cap = Math.min(Math.max(tokens, minOutputTokens), maxOutputTokens ?? Number.MAX_SAFE_INTEGER)
  if (cap !== tokens && request.cap !== undefined) writing.losses.add("output-cap", "cap")
  return cap
}

function planned(
  plan: ReasoningPlan,
  request: Request,
  writing: RequestWriting,
): { readonly thinking: JsonObject | null; readonly effort: string | null } {
  const display = displayOf(request, plan, writing)
  switch (plan.kind) {
    case "unsaid":
      return { thinking: null, effort: null }
    case "off":
      return { thinking: { type: writing.facts.reasoning.off }, effort: null }
    case "effort":
      return { thinking: null, effort: plan.effort }
    case "budget":
      return { thinking: { type: "enabled", budget_tokens: plan.tokens, ...display }, effort: null }
    case "adaptive":
      return { thinking: { type: "adaptive", ...display }, effort: plan.effort }
  }
}

/** Thinking is shown summarised or not at all; how long a summary is cannot be wished. */
function displayOf(request: Request, plan: ReasoningPlan, writing: RequestWriting): JsonObject {
  const { summary } = request.reasoning ?? {}
  if (summary === undefined) return {}
  const shows = writing.facts.reasoning.summaries && (plan.kind === "budget" || plan.kind === "adaptive")
  if (summary !== "auto") writing.losses.add("reasoning-display", "reasoning.summary")
  return shows ? { display: "summarized" } : {}
}

function formatOf(request: Request, writing: RequestWriting): JsonObject {
  const { output } = request
  if (output === undefined || output.kind === "text") return {}
  if (output.kind === "raw" && output.dialect === writing.facts.issuer.dialect) return { format: output.raw }
  if (output.kind === "schema" && (writing.isHome || writing.facts.structuredOutput)) {
    if (output.description !== undefined) writing.losses.add("output-format", "output.description")
    return { format: { type: "json_schema", schema: output.schema } }
  }
  writing.losses.add("output-format", "output")
  return {}
}

/** `temperature`, `top_p`, `top_k` and `stop_sequences`; everything else in `sampling` has no form here. */
export function writeSampling(request: Request, thinks: boolean, writing: RequestWriting): JsonObject {
  const { temperature, topP, topK } = request.sampling
  declareUnknownSampling(request, writing)
  if (writing.isHome) {
    return {
      ...(temperature === undefined ? {} : { temperature }),
      ...(topP === undefined ? {} : { top_p: topP }),
      ...(topK === undefined ? {} : { top_k: topK }),
      ...(request.stopSequences.length === 0 ? {} : { stop_sequences: request.stopSequences }),
    }
  }
  const { facts } = writing
  const rules = facts.temperature
  const allowed = { temperature: rules.supported && !thinks, topP: facts.topP, topK: facts.topK && !thinks }
  return {
    ...kept("temperature", temperature, allowed.temperature, rules.max, writing),
    ...kept("top_p", topP, allowed.topP && (!thinks || (topP ?? 1) >= MIN_TOP_P_THINKING), 1, writing),
    ...kept("top_k", topK, allowed.topK, Number.MAX_SAFE_INTEGER, writing),
    ...stopSequences(request.stopSequences, facts, writing),
  }
}

/** With thinking Anthropic takes no temperature but the usual one, no `top_k`, and no smaller `top_p`. */
const MIN_TOP_P_THINKING = 0.95

const SAMPLING_NAMES = { temperature: "temperature", top_p: "topP", top_k: "topK" } as const

function kept(
  field: keyof typeof SAMPLING_NAMES,
  value: number | undefined,
  isAllowed: boolean,
  max: number,
  writing: RequestWriting,
): JsonObject {
  if (value === undefined) return {}
  const isUsual = field !== "top_k" && value === 1
  if (isUsual && !isAllowed) return {}
  if (!isAllowed || value > max) writing.losses.add("sampling", `sampling.${SAMPLING_NAMES[field]}`)
  return isAllowed ? { [field]: Math.min(value, max) } : {}
}

function stopSequences(sequences: readonly string[], facts: TargetFacts, writing: RequestWriting): JsonObject {
  const legal = sequences.filter((sequence) => sequence.trim() !== "").slice(0, facts.maxStopSequences)
  if (legal.length < sequences.length) writing.losses.add("stop-sequences", "stopSequences")
  return legal.length === 0 ? {} : { stop_sequences: legal }
}

function declareUnknownSampling({ sampling }: Request, { losses }: RequestWriting): void {
  const { minP, frequencyPenalty, presencePenalty, seed, logitBias, logprobs, topLogprobs, choices } = sampling
  const asked = {
    "sampling.minP": minP !== undefined && minP !== 0,
    "sampling.frequencyPenalty": frequencyPenalty !== undefined && frequencyPenalty !== 0,
    "sampling.presencePenalty": presencePenalty !== undefined && presencePenalty !== 0,
    "sampling.seed": seed !== undefined,
    "sampling.logitBias": logitBias !== undefined && Object.keys(logitBias).length > 0,
    "sampling.logprobs": logprobs === true,
    "sampling.topLogprobs": topLogprobs !== undefined && topLogprobs > 0,
  }
  for (const [path, isAsked] of Object.entries(asked)) if (isAsked) losses.add("sampling", path)
  if (choices !== undefined && choices > 1) losses.add("choices", "sampling.choices")
}
