/** A canonical request as a body for a Responses upstream. */

import { arrangeTools } from "../../canonical/arrange-tools.ts"
import { arrange } from "../../canonical/arrange.ts"
import type { Block } from "../../canonical/block.ts"
import type { JsonObject } from "../../canonical/json.ts"
import { Losses } from "../../canonical/loss.ts"
import { buildNameTable } from "../../canonical/name-map.ts"
import { planReasoning } from "../../canonical/reasoning-plan.ts"
import { asksNothing, declareCacheKey, type Request } from "../../canonical/request.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import { RouterError } from "../../errors.ts"
import type { Mint, WrittenRequest } from "../codec.ts"
import { INCLUDE_ENCRYPTED, INCLUDE_LOGPROBS, objectOf } from "./wire.ts"
import { writeInput, type InputWriter } from "./write-input.ts"
import { writeChoice, writeTools, type ToolWriter } from "./write-tools.ts"

/** Throws `RouterError` for state that only another dialect's vendor holds. */
export function writeRequest(request: Request, facts: TargetFacts, mint: Mint): WrittenRequest {
  if (request.state.thread !== undefined) throw new RouterError("stateful-unsupported", { param: "thread" })
  const losses = new Losses()
  const isHome = request.dialect === "responses"
  const arranged = arrange(request, facts)
  const { tools, choice, parallel, losses: toolLosses } = arrangeTools(request, facts)
  losses.addAll(arranged.losses)
  losses.addAll(toolLosses)
  const { nameRules: rules, customTools } = facts
  const names = buildNameTable(tools, arranged.messages, { rules, customTools })
  const writer: InputWriter & ToolWriter = {
    facts,
    names,
    losses,
    isHome,
    keepsCacheMarks: request.dialect !== "messages",
    imageUrls: facts.imageUrls,
    namespaces: request.namespaces,
  }
  const instructions = writeInstructions(arranged.instructions, losses)
  const written = writeTools(tools, writer)
  const cap = writeCap(request, facts, losses)
  const { text: _text, reasoning: _reasoning, ...extra } = isHome ? request.extra : {}
  const body: JsonObject = {
    model: facts.model,
    ...(instructions === "" ? {} : { instructions }),
    input: writeInput(arranged.messages, writer),
    ...(written.length === 0 ? {} : { tools: written }),
    ...(choice === undefined ? {} : { tool_choice: writeChoice(choice, writer) }),
    ...(parallel === undefined ? {} : { parallel_tool_calls: parallel }),
    ...cap.field,
    ...writeSampling(request, facts, losses),
    ...writeText(request, facts, losses),
    ...writeReasoningWish(request, facts, cap.tokens, losses),
    ...writeIdentity(request, facts, losses),
    ...writeState(request, losses),
    ...writeTier(request, facts, losses),
    ...writeInclude(request, facts),
    ...extra,
    stream: request.stream,
  }
  declareFields(request, losses)
  return { body, losses: losses.list(), context: { names, issuer: facts.issuer, mint } }
}

/** One string; what is not text has no place in it. */
function writeInstructions(blocks: readonly Block[], losses: Losses): string {
  const texts: string[] = []
  for (const [index, block] of blocks.entries()) {
    const path = `instructions[${index}]`
    if (block.cache !== undefined) losses.add("cache-mark", path)
    if (block.type === "text" || block.type === "refusal") texts.push(block.text)
    else losses.add("content", path)
  }
  return texts.join("\n\n")
}

interface Cap {
  readonly tokens: number | null
  readonly field: JsonObject
}

function writeCap({ cap }: Request, facts: TargetFacts, losses: Losses): Cap {
  if (cap === undefined) return { tokens: null, field: {} }
  const raised = Math.max(cap.tokens, facts.minOutputTokens)
  const tokens = facts.maxOutputTokens === null ? raised : Math.min(raised, facts.maxOutputTokens)
  if (tokens !== cap.tokens) losses.add("output-cap", "cap")
  return { tokens, field: { max_output_tokens: tokens } }
}

/** The penalties are known to Open Responses servers, whose clients send them; the vendor itself refuses them. */
function writeSampling(request: Request, facts: TargetFacts, losses: Losses): JsonObject {
  const { sampling } = request
  const isHome = request.dialect === "responses"
  const written: Record<string, number> = {}
  const lost: string[] = []
  if (sampling.temperature !== undefined) {
    const temperature = Math.min(sampling.temperature, facts.temperature.max)
    if (facts.temperature.supported) written["temperature"] = temperature
    if (!facts.temperature.supported || temperature !== sampling.temperature) lost.push("temperature")
  }
  if (sampling.topP !== undefined && facts.topP) written["top_p"] = sampling.topP
  if (sampling.topP !== undefined && !facts.topP) lost.push("topP")
  if (sampling.topLogprobs !== undefined) written["top_logprobs"] = sampling.topLogprobs
  if (isHome && sampling.frequencyPenalty !== undefined) written["frequency_penalty"] = sampling.frequencyPenalty
  if (isHome && sampling.presencePenalty !== undefined) written["presence_penalty"] = sampling.presencePenalty
  if (!isHome && (sampling.frequencyPenalty ?? 0) !== 0) lost.push("frequencyPenalty")
  if (!isHome && (sampling.presencePenalty ?? 0) !== 0) lost.push("presencePenalty")
  for (const field of ["topK", "minP", "seed", "logitBias"] as const) {
    if (sampling[field] !== undefined) lost.push(field)
  }
  for (const field of lost) losses.add("sampling", `sampling.${field}`)
  if ((sampling.choices ?? 1) > 1) losses.add("choices", "sampling.choices")
  if (request.stopSequences.length > 0) losses.add("stop-sequences", "stopSequences")
  return written
}

/** The vendor demands a name for a schema. */
function writeText(request: Request, facts: TargetFacts, losses: Losses): JsonObject {
  const format = writeFormat(request, facts, losses)
  const { verbosity } = request
  if (verbosity !== undefined && verbosity !== "medium" && !facts.verbosity) losses.add("verbosity", "verbosity")
  const text = {
    ...(format === null ? {} : { format }),
    ...(verbosity === undefined || !facts.verbosity ? {} : { verbosity }),
    ...(request.dialect === "responses" ? objectOf(request.extra["text"]) : {}),
  }
  return Object.keys(text).length === 0 ? {} : { text }
}

function writeFormat({ output }: Request, facts: TargetFacts, losses: Losses): JsonObject | null {
  if (output === undefined) return null
  if (output.kind === "text") return { type: "text" }
  if (output.kind === "json" && facts.jsonMode) return { type: "json_object" }
  if (output.kind === "raw" && output.dialect === "responses") return output.raw
  if (output.kind === "schema" && facts.structuredOutput) {
    return {
      type: "json_schema",
      name: output.name ?? "output",
      ...(output.description === undefined ? {} : { description: output.description }),
      schema: output.schema,
      ...(output.strict === undefined ? {} : { strict: output.strict }),
    }
  }
  losses.add("output-format", "output")
  return null
}

/** A client that asks for summarised thinking to be shown (Messages) gets the summaries of this dialect. */
function writeReasoningWish(
  request: Request,
  facts: TargetFacts,
  capTokens: number | null,
  losses: Losses,
): JsonObject {
  const wish = request.reasoning
  const { plan, losses: planLosses } = planReasoning(wish, facts.reasoning, capTokens)
  losses.addAll(planLosses)
  const summary = wish?.summary ?? (wish?.display === "summarized" ? "auto" : undefined)
  const showsSummary = summary !== undefined && facts.reasoning.summaries && facts.reasoning.control !== null
  const isUnheard = wish?.display !== undefined && wish.display !== "summarized" && wish.display !== "omitted"
  if (isUnheard || (summary !== undefined && summary !== "none" && !showsSummary)) {
    losses.add("reasoning-display", "reasoning")
  }
  const effort = plan.kind === "off" ? "none" : "effort" in plan ? plan.effort : null
  const isUnsayable = plan.kind === "budget" || (plan.kind === "adaptive" && plan.effort === null)
  if (isUnsayable) losses.add("reasoning-control", "reasoning")
  const reasoning = {
    ...(effort === null ? {} : { effort }),
    ...(showsSummary ? { summary } : {}),
    ...(request.dialect === "responses" ? objectOf(request.extra["reasoning"]) : {}),
  }
  return Object.keys(reasoning).length === 0 ? {} : { reasoning }
}

function writeIdentity(request: Request, facts: TargetFacts, losses: Losses): JsonObject {
  const { identity } = request
  const { promptCacheKey, promptCacheRetention, promptCacheOptions } = identity
  if (!facts.cacheKey) declareCacheKey(identity, losses)
  const cache: JsonObject = facts.cacheKey
    ? {
        ...(promptCacheKey === undefined ? {} : { prompt_cache_key: promptCacheKey }),
        ...(promptCacheRetention === undefined ? {} : { prompt_cache_retention: promptCacheRetention }),
        ...(promptCacheOptions === undefined ? {} : { prompt_cache_options: promptCacheOptions }),
      }
    : {}
  const { user, safetyIdentifier, metadata } = identity
  if (request.dialect !== "responses") {
    if (user !== undefined) losses.add("identity", "identity.user")
    if (safetyIdentifier !== undefined) losses.add("identity", "identity.safetyIdentifier")
    if (!asksNothing("metadata", metadata)) losses.add("identity", "identity.metadata")
    return cache
  }
  const { client_metadata: client, ...rest } = metadata ?? {}
  const ownMetadata = objectOf(client) === undefined ? metadata : rest
  const hasMetadata = ownMetadata !== undefined && (client === undefined || Object.keys(ownMetadata).length > 0)
  return {
    ...(hasMetadata ? { metadata: ownMetadata } : {}),
    ...(objectOf(client) === undefined ? {} : { client_metadata: client }),
    ...(user === undefined ? {} : { user }),
    ...(safetyIdentifier === undefined ? {} : { safety_identifier: safetyIdentifier }),
    ...cache,
  }
}

/** Answers to clients of other dialects are never stored: nobody could find them again. */
function writeState(request: Request, losses: Losses): JsonObject {
  const { previousResponseId, conversation, store, background, container } = request.state
  if (container !== undefined) losses.add("stored-reference", "state.container")
  if (request.dialect !== "responses") {
    if (store === true) losses.add("store", "state.store")
    return { store: false }
  }
  return {
    ...(previousResponseId === undefined ? {} : { previous_response_id: previousResponseId }),
    ...(conversation === undefined ? {} : { conversation }),
    ...(store === undefined ? {} : { store }),
    ...(background === undefined ? {} : { background }),
  }
}

function writeTier(request: Request, facts: TargetFacts, losses: Losses): JsonObject {
  const tier = request.serviceTier
  if (tier === undefined) return {}
  if (request.dialect === "responses" || facts.serviceTier) return { service_tier: tier }
  if (!asksNothing("service_tier", tier)) losses.add("service-tier", "serviceTier")
  return {}
}

/** Models that do not reason refuse the wish for encrypted reasoning. */
function writeInclude(request: Request, facts: TargetFacts): JsonObject {
  if (request.dialect === "responses") return request.include.length === 0 ? {} : { include: request.include }
  const include = [
    ...(facts.reasoning.control === null ? [] : [INCLUDE_ENCRYPTED]),
    ...(request.sampling.logprobs === true ? [INCLUDE_LOGPROBS] : []),
  ]
  return include.length === 0 ? {} : { include }
}

function declareFields(request: Request, losses: Losses): void {
  if (request.cache !== undefined) losses.add("cache-mark", "cache")
  if (request.dialect === "responses") return
  for (const [field, value] of Object.entries(request.extra)) {
    if (!asksNothing(field, value)) losses.add("field", field)
  }
}
