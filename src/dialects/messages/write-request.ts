/** A request to an upstream that speaks Messages. */

import { arrangeTools } from "../../canonical/arrange-tools.ts"
import { arrange } from "../../canonical/arrange.ts"
import type { JsonObject } from "../../canonical/json.ts"
import { Losses } from "../../canonical/loss.ts"
import { buildNameTable } from "../../canonical/name-map.ts"
import { asksNothing, declareCacheKey, type Request } from "../../canonical/request.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import { RouterError } from "../../errors.ts"
import type { Mint, WrittenRequest } from "../codec.ts"
import { cacheControl, DIALECT } from "./wire.ts"
import { RequestWriting } from "./write-block.ts"
import { lacksThinking, trimPrefill, writeSystem, writeTurns } from "./write-conversation.ts"
import { writeTools } from "./write-tools.ts"
import { writeOutput, writeSampling } from "./write-wishes.ts"

/** Throws `RouterError` for state that only Responses can hold. */
export function writeRequest(request: Request, facts: TargetFacts, mint: Mint): WrittenRequest {
  refuseState(request)
  const losses = new Losses()
  const arranged = arrange(request, facts)
  const arrangedTools = arrangeTools(request, facts)
  losses.addAll(arranged.losses)
  losses.addAll(arrangedTools.losses)
  const rules = { rules: facts.nameRules, customTools: false }
  const names = buildNameTable(arrangedTools.tools, arranged.messages, rules)
  const writing = new RequestWriting(facts, names, losses, request.dialect === DIALECT)
  const tools = writeTools(arrangedTools, request.dialect, writing)
  const system = writeSystem(arranged.instructions, writing)
  const turns = trimPrefill(writeTurns(arranged.messages, writing), writing)
  const choice = tools.tool_choice?.["type"]
  const limits = { lacksThinking: lacksThinking(turns), forcesTool: choice === "any" || choice === "tool" }
  const output = writeOutput(request, limits, writing)
  const body = {
    model: facts.model,
    ...(system.length === 0 ? {} : { system }),
    messages: turns.map(({ role, content, own }) => ({ role, content, ...own })),
    ...tools,
    ...output.wire,
    ...writeSampling(request, output.thinks, writing),
    ...ownFieldsOf(request, writing),
    ...automaticCache(request, writing),
    stream: request.stream,
  }
  return { body, losses: losses.list(), context: { names, issuer: facts.issuer, mint } }
}

function refuseState({ state }: Request): void {
  const held = {
    previous_response_id: state.previousResponseId !== undefined,
    conversation: state.conversation !== undefined,
    background: state.background === true,
  }
  for (const [param, isHeld] of Object.entries(held)) {
    if (isHeld) throw new RouterError("stateful-unsupported", { param })
  }
}

/** Fields that only a client of this dialect can send, as they came; of another dialect's, the losses. */
function ownFieldsOf(request: Request, writing: RequestWriting): JsonObject {
  if (!writing.isHome) {
    declareForeign(request, writing)
    return request.cache === undefined ? {} : { cache_control: cacheControl(request.cache) }
  }
  const { identity, state, cache, serviceTier } = request
  const { thinking: _thinking, output_config: _config, ...extra } = request.extra
  const metadata = { ...(identity.user === undefined ? {} : { user_id: identity.user }), ...identity.metadata }
  return {
    ...(Object.keys(metadata).length === 0 ? {} : { metadata }),
    ...(serviceTier === undefined ? {} : { service_tier: serviceTier }),
    ...(cache === undefined ? {} : { cache_control: cacheControl(cache) }),
    ...(state.container === undefined ? {} : { container: state.container }),
    ...(state.thread === undefined ? {} : { thread: state.thread }),
    ...extra,
  }
}

/**
 * Other vendors cache by themselves; here the client could not ask for it, and nothing would be cached without a mark.
 * https://platform.claude.com/docs/en/build-with-claude/prompt-caching
 */
function automaticCache({ cache }: Request, writing: RequestWriting): JsonObject {
  const isAsked = cache !== undefined || writing.hasMarks
  return writing.isHome || isAsked || !writing.facts.automaticCache ? {} : { cache_control: { type: "ephemeral" } }
}

/** Entries of Responses `include` that ask for what the router does anyway, or declares elsewhere. */
const HARMLESS_INCLUDES: readonly string[] = ["reasoning.encrypted_content", "message.output_text.logprobs"]

function declareForeign(request: Request, { facts, losses }: RequestWriting): void {
  const { identity, state } = request
  if (identity.user !== undefined) losses.add("identity", "identity.user")
  if (identity.safetyIdentifier !== undefined) losses.add("identity", "identity.safetyIdentifier")
  if (!asksNothing("metadata", identity.metadata)) losses.add("identity", "identity.metadata")
  const { promptCacheKey: _key, ...beside } = identity
  declareCacheKey(facts.automaticCache ? beside : identity, losses)
  if (!asksNothing("service_tier", request.serviceTier)) losses.add("service-tier", "serviceTier")
  if (request.verbosity !== undefined && request.verbosity !== "medium") losses.add("verbosity", "verbosity")
  if (state.store === true) losses.add("store", "state.store")
  for (const [index, entry] of request.include.entries())
    if (!HARMLESS_INCLUDES.includes(entry)) losses.add("field", `include[${index}]`)
  for (const [index, namespace] of request.namespaces.entries()) {
    if (namespace.description !== undefined) losses.add("block-field", `namespaces[${index}].description`)
  }
  for (const [field, value] of Object.entries(request.extra)) {
    if (!asksNothing(field, value)) losses.add("field", field)
  }
}
