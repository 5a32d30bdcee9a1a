/** Everything of a request but its messages and tools. Each function gives the fields that it adds to the body. */

import type { JsonObject, JsonValue } from "../../canonical/json.ts"
import { planReasoning, type ReasoningPlan } from "../../canonical/reasoning-plan.ts"
import { asksNothing, declareCacheKey, type Request } from "../../canonical/request.ts"
import { RouterError } from "../../errors.ts"
import type { PartWriter } from "./write-part.ts"
import { objectOf } from "./wire.ts"

/** Throws `RouterError` for what only a server with that state can answer. */
export function refuseState({ state }: Request): void {
  const refused = {
    previous_response_id: state.previousResponseId,
    conversation: state.conversation,
    background: state.background === true ? true : undefined,
    thread: state.thread,
  }
  for (const [param, value] of Object.entries(refused)) {
    if (value !== undefined) throw new RouterError("stateful-unsupported", { param })
  }
}

export function capFields(
  { cap }: Request,
  { facts, losses }: PartWriter,
): { readonly tokens: number | null; fields: JsonObject } {
  if (cap === undefined) return { tokens: null, fields: {} }
  const tokens = Math.max(Math.min(cap.tokens, facts.maxOutputTokens ?? cap.tokens), facts.minOutputTokens)
  if (tokens !== cap.tokens) losses.add("output-cap", "cap")
  return { tokens, fields: { [facts.outputTokenField]: tokens } }
}

export function samplingFields({ sampling, stopSequences }: Request, writer: PartWriter): JsonObject {
  const { facts, isHome, losses } = writer
  const keep = <T>(value: T | undefined, isTaken: boolean, name: string): T | undefined => {
    if (value !== undefined && !isTaken) losses.add("sampling", `sampling.${name}`)
    return isTaken ? value : undefined
  }
  const wished = keep(sampling.temperature, facts.temperature.supported, "temperature")
  const temperature = wished === undefined ? undefined : Math.min(wished, facts.temperature.max)
  if (temperature !== wished) losses.add("sampling", "sampling.temperature")
  const stop = stopSequences.slice(0, facts.maxStopSequences)
  if (stop.length < stopSequences.length) losses.add("stop-sequences", "stopSequences")
  return said({
    temperature,
    top_p: keep(sampling.topP, facts.topP, "topP"),
    top_k: keep(sampling.topK, facts.topK, "topK"),
    min_p: keep(sampling.minP, facts.topK || isHome, "minP"),
    frequency_penalty: sampling.frequencyPenalty,
    presence_penalty: sampling.presencePenalty,
    seed: sampling.seed,
    logit_bias: sampling.logitBias,
    logprobs: logprobsOf(sampling),
    top_logprobs: sampling.topLogprobs,
    n: sampling.choices,
    stop: stop.length === 0 ? undefined : stop,
  })
}

/** Chat refuses a number of alternatives without the switch, which Responses does not have. */
function logprobsOf(sampling: Request["sampling"]): boolean | undefined {
  return sampling.logprobs ?? (sampling.topLogprobs !== undefined && sampling.topLogprobs > 0 ? true : undefined)
}

const DEFAULT_SCHEMA_NAME = "output"

export function formatFields({ output, verbosity }: Request, writer: PartWriter): JsonObject {
  const format = formatOf(output, writer)
  if (verbosity !== undefined && verbosity !== "medium" && !writer.facts.verbosity)
    writer.losses.add("verbosity", "verbosity")
  return said({ response_format: format, verbosity: writer.facts.verbosity ? verbosity : undefined })
}

function formatOf(output: Request["output"], { facts, isHome, losses }: PartWriter): JsonValue | undefined {
  if (output === undefined) return undefined
  if (output.kind === "text") return isHome ? { type: "text" } : undefined
  if (output.kind === "raw" && output.dialect === "chat") return output.raw
  if (output.kind === "schema" && facts.structuredOutput) {
    const { schema, name = DEFAULT_SCHEMA_NAME, description, strict } = output
    return { type: "json_schema", json_schema: said({ name, description, schema, strict }) }
  }
  if (output.kind === "json" && facts.jsonMode) return { type: "json_object" }
  losses.add("output-format", "output")
  return output.kind === "schema" && facts.jsonMode ? { type: "json_object" } : undefined
}

/** Effort is OpenAI's word; a budget or mere switching on is said as OpenRouter has it. */
export function reasoningFields(request: Request, writer: PartWriter, capTokens: number | null): JsonObject {
  const { reasoning: wish } = request
  const { plan, losses } = planReasoning(wish, writer.facts.reasoning, capTokens)
  writer.losses.addAll(losses)
  if (wish?.summary !== undefined) writer.losses.add("reasoning-display", "reasoning.summary")
  if (wish?.display !== undefined) writer.losses.add("reasoning-display", "reasoning.display")
  const own = writer.isHome ? objectOf(request.extra["reasoning"]) : undefined
  const planned = planFields(plan)
  return own === undefined ? planned : { ...planned, reasoning: { ...own, ...objectOf(planned["reasoning"]) } }
}

function planFields(plan: ReasoningPlan): JsonObject {
  switch (plan.kind) {
    case "unsaid":
      return {}
    case "off":
      return { reasoning_effort: "none" }
    case "effort":
      return { reasoning_effort: plan.effort }
    case "budget":
      return { reasoning: { max_tokens: plan.tokens } }
    case "adaptive":
      return plan.effort === null ? { reasoning: { enabled: true } } : { reasoning_effort: plan.effort }
  }
}

export function identityFields({ identity, cache }: Request, writer: PartWriter): JsonObject {
  const { isHome, losses, facts } = writer
  const { user, safetyIdentifier, metadata, promptCacheKey, promptCacheRetention, promptCacheOptions } = identity
  for (const [name, value] of Object.entries({ user, safetyIdentifier, metadata })) {
    if (!isHome && !asksNothing(name, value)) losses.add("identity", `identity.${name}`)
  }
  if (cache !== undefined) losses.add("cache-mark", "cache")
  if (!facts.cacheKey) declareCacheKey(identity, losses)
  return said({
    ...(isHome ? { user, safety_identifier: safetyIdentifier, metadata } : {}),
    ...(facts.cacheKey
      ? {
          prompt_cache_key: promptCacheKey,
          prompt_cache_retention: promptCacheRetention,
          prompt_cache_options: promptCacheOptions,
        }
      : {}),
  })
}

export function servingFields({ state, serviceTier }: Request, writer: PartWriter): JsonObject {
  const { isHome, losses, facts } = writer
  if (!isHome && state.store === true) losses.add("store", "state.store")
  if (state.container !== undefined) losses.add("stored-reference", "state.container")
  const takesTier = isHome || facts.serviceTier
  if (!takesTier && !asksNothing("service_tier", serviceTier)) losses.add("service-tier", "serviceTier")
  return said({ store: isHome ? state.store : undefined, service_tier: takesTier ? serviceTier : undefined })
}

/** Entries of `include` that ask for what the router carries anyway, or says elsewhere. */
const CARRIED: ReadonlySet<string> = new Set(["reasoning.encrypted_content", "message.output_text.logprobs"])

/** The client's unknown fields; those of another dialect are lost. */
export function extraFields(request: Request, writer: PartWriter): JsonObject {
  const { extra, include, namespaces } = request
  if (writer.isHome) return extra
  for (const [field, value] of Object.entries(extra)) {
    if (!asksNothing(field, value)) writer.losses.add("field", field)
  }
  for (const [index, one] of include.entries()) if (!CARRIED.has(one)) writer.losses.add("field", `include[${index}]`)
  for (const [index, { description }] of namespaces.entries()) {
    if (description !== undefined && description !== "")
      writer.losses.add("block-field", `namespaces[${index}].description`)
  }
  return {}
}

/** Streamed calls ask for usage, whether the client did or not, unless the target refuses to be asked. */
export function streamFields(request: Request, writer: PartWriter): JsonObject {
  if (!request.stream) return {}
  const own = writer.isHome ? objectOf(request.extra["stream_options"]) : undefined
  const options = { ...own, ...(writer.facts.streamUsage ? { include_usage: true } : {}) }
  return { stream: true, ...(Object.keys(options).length === 0 ? {} : { stream_options: options }) }
}

/** What was said: absent values are left out, so that no `undefined` stands in a body. */
function said(fields: { readonly [key: string]: JsonValue | undefined }): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
