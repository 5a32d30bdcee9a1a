/** Prepares a call for one target: nothing where the bytes pass, the translated request, or why the target cannot serve. */
import type { JsonObject } from "../canonical/json.ts"
import type { ReasoningWish, Request } from "../canonical/request.ts"
import type { TargetFacts } from "../canonical/target.ts"
import type { Loss } from "../canonical/loss.ts"
import type { Group, Target } from "../config/snapshot.ts"
import type { ReplyOptions, WrittenRequest } from "../dialects/codec.ts"
import { estimateInputTokens } from "../dialects/messages/token-estimate.ts"
import type { Usage } from "../canonical/usage.ts"
import { CODECS, DIALECTS } from "../dialects/registry.ts"
import { holdsEnvelope, wayBetween } from "../dialects/translate.ts"
import { RouterError } from "../errors.ts"
import { foreignSeals, withForeignSeals } from "./affinity.ts"
import type { Call } from "./call.ts"
import { decode, type DecodedRequest } from "./decode.ts"
import type { Gateway } from "./gateway.ts"
import { askingForSummary, isCompactedByVendor, keptMessages, wantsCompaction, type Compaction } from "./compaction.ts"
import { boundContent } from "./bound-content.ts"
import { runsInBackground } from "./returned-state.ts"
import { shownModel } from "./shown-model.ts"
import type { Rejection } from "./shortlist.ts"
import { COMPACT, compactsAtVendor, targetBelow } from "./target-below.ts"
import { withCacheKey, withDefaultCap } from "./target-wishes.ts"
import { Translation } from "./translation.ts"

const ID_BYTES = 12

/** Null: the bytes pass. */
export function translate(target: Target, call: Call, gateway: Gateway): Translation | Rejection | null {
  if (call.body === null) throw new RouterError("internal-error")
  const isHome = target.dialect === call.dialect.name
  if (isHome && target.limits.neverStores && runsInBackground(call)) return keptInBackground(target)
  if (compactsAtVendor(target, call) && targetBelow(target, COMPACT) === null) return noCompaction(target)
  call.sealed ??= holdsEnvelope(call.body)
  const foreign = foreignSeals(target, call)
  if (foreign === 0 && wayBetween(call.dialect.name, target.dialect, call.sealed) === "bytes") return null
  try {
    const asSent = decode(call)
    const decoded = foreign === 0 ? asSent : { ...asSent, request: withForeignSeals(asSent.request, foreign) }
    const compaction = isHome ? null : compactionFor(decoded, call, gateway)
    if (compaction !== null && isCompactedByVendor(call)) return noCompaction(target)
    const asked = compaction === null ? decoded.request : askingForSummary(decoded.request)
    const granted = withGrantedCap(asked, target, call)
    const request = isHome ? granted : withCacheKey(granted, target, call)
    const state = isHome ? null : (heldState(request) ?? boundContent(request))
    if (state !== null) return { target, reason: "state", error: state }
    const mint = (prefix: string): string => prefix + gateway.random.hex(ID_BYTES)
    const facts = isHome ? homeFacts(request.reasoning, target.homeFacts) : withDefaultCap(target.facts, target, call)
    const written = CODECS[target.dialect].writeRequest(request, facts, mint)
    const losses = [...decoded.losses, ...written.losses]
    if (!isHome && losses.length > 0 && call.group?.translation === "enforce") return lossy(losses, target, call.group)
    return translationOf(target, call, { ...decoded, compaction }, written, losses, gateway)
  } catch (error) {
    if (!(error instanceof RouterError) || error.blame !== "caller") throw error
    return { target, reason: error.code === "stateful-unsupported" ? "state" : "invalid-request", error }
  }
}

/** A provider keeps such an answer until somebody has read it, and so refuses to make one that it may not store. */
function keptInBackground(target: Target): Rejection {
  const message = "No target of this model group may store an answer, so none can make one in the background."
  return { target, reason: "state", error: new RouterError("stateful-unsupported", { param: "background", message }) }
}

function noCompaction(target: Target): Rejection {
  const message = "No target of this model group can compact a conversation."
  return { target, reason: "state", error: new RouterError("stateful-unsupported", { message }) }
}

/** Null: the call wants something else. */
function compactionFor({ request, clientBody }: DecodedRequest, call: Call, { random }: Gateway): Compaction | null {
  if (!wantsCompaction(request, call)) return null
  return { kept: call.compacts ? keptMessages(clientBody) : null, mint: (prefix) => prefix + random.hex(ID_BYTES) }
}

/** For an answer in another shape than was asked for, within one dialect; null where the body cannot be understood. */
export function homeTranslation(target: Target, call: Call, gateway: Gateway): Translation | null {
  try {
    const decoded = decode(call)
    const mint = (prefix: string): string => prefix + gateway.random.hex(ID_BYTES)
    const facts = homeFacts(decoded.request.reasoning, target.homeFacts)
    const written = CODECS[target.dialect].writeRequest(decoded.request, facts, mint)
    return translationOf(target, call, { ...decoded, compaction: null }, written, [], gateway)
  } catch (error) {
    if (!(error instanceof RouterError)) throw error
    return null
  }
}

/** What admission granted is the cap of a call that has none of its own. */
function withGrantedCap(request: Request, target: Target, call: Call): Request {
  const { grantedCap } = call
  if (grantedCap === null || compactsAtVendor(target, call)) return request
  return { ...request, cap: { tokens: grantedCap, field: "max_tokens" } }
}

export function isRejection(result: Translation | Rejection | null): result is Rejection {
  return result !== null && "reason" in result
}

/** A compaction is one answer, which is stored nowhere; its endpoint knows neither key. */
function ownWords(target: Target, call: Call): JsonObject {
  if (compactsAtVendor(target, call)) return { stream: undefined }
  return target.limits.neverStores ? { store: false } : {}
}

function translationOf(
  target: Target,
  call: Call,
  { request, clientBody, compaction }: DecodedRequest & { readonly compaction: Compaction | null },
  { body, context }: WrittenRequest,
  losses: readonly Loss[],
  gateway: Gateway,
): Translation {
  const options: ReplyOptions = {
    request,
    clientBody,
    model: shownModel(call),
    mint: context.mint,
    now: () => Math.floor(gateway.clock.now() / 1000),
    estimatedUsage: call.facts.stream && call.dialect.name === "anthropic" ? estimated(clientBody) : null,
  }
  return new Translation({
    body: [Buffer.from(JSON.stringify({ ...body, ...ownWords(target, call) }))],
    client: { codec: CODECS[call.dialect.name], dialect: call.dialect },
    target: { codec: CODECS[target.dialect], dialect: DIALECTS[target.dialect] },
    context,
    options,
    losses,
    compaction,
    secrets: target.provider.secrets,
  })
}

/** Agents' context meters read the very first event, when no upstream but one of their own vendor has counted yet. */
function estimated(clientBody: JsonObject): Usage {
  return { freshInputTokens: estimateInputTokens(clientBody), outputTokens: 0, source: "estimated" }
}

/** State that lives at an upstream can be reached only in the dialect that made it. */
function heldState({ state }: Request): RouterError | null {
  if (state.thread !== undefined)
    return new RouterError("stateful-unsupported", {
      param: "thread",
      // the vendor's SDK starts over without the thread when it reads this
      details: { error_code: "thread_unsupported_request", unsupported: ["thread"] },
    })
  const held = {
    previous_response_id: state.previousResponseId !== undefined,
    conversation: state.conversation !== undefined,
    background: state.background === true,
  }
  const param = Object.entries(held).find(([, isHeld]) => isHeld)?.[0]
  return param === undefined ? null : new RouterError("stateful-unsupported", { param })
}

function lossy(losses: readonly Loss[], target: Target, group: Group): Rejection {
  const codes = [...new Set(losses.map(({ code }) => code))]
  const message = `The request cannot be translated without a loss (${codes.join(", ")}), and the model group "${group.name}" forbids losses.`
  return {
    target,
    reason: "translation-loss",
    error: new RouterError("translation-loss", { message, details: { model: group.name, losses: codes } }),
  }
}

/** A wish in the client's own dialect is written as it was said, whatever words it took. */
function homeFacts(wish: ReasoningWish | undefined, facts: TargetFacts): TargetFacts {
  const isBudget = wish?.budgetTokens !== undefined && wish.effort === undefined
  const control = isBudget
    ? "token_budget"
    : wish?.control === "enabled" && wish.effort === undefined
      ? "adaptive"
      : "effort_enum"
  return { ...facts, reasoning: { ...facts.reasoning, control } }
}
