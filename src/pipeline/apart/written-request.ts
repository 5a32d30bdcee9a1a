/** A request, from its client's dialect into a target's. Pure: what is large is done in another thread. */
import type { JsonObject } from "../../canonical/json.ts"
import type { Loss } from "../../canonical/loss.ts"
import { issuerFrom, plainIssuer, type PlainIssuer } from "../../canonical/origin.ts"
import type { ReasoningWish, Request } from "../../canonical/request.ts"
import type { TargetFacts } from "../../canonical/target.ts"
import type { Usage } from "../../canonical/usage.ts"
import type { AnswerNeeds, Means } from "../../dialects/answer-needs.ts"
import { estimateInputTokens } from "../../dialects/messages/token-estimate.ts"
import { CODECS } from "../../dialects/registry.ts"
import { writtenShape, type WrittenShape } from "../../dialects/written-shape.ts"
import { RouterError } from "../../errors.ts"
import { boundContent } from "./bound-content.ts"
import { askingForSummary, keptMessages, noVendorCompaction, wantsCompaction } from "./compaction.ts"
import type { DecodedRequest } from "./decode.ts"
import { withForeignSeals } from "./native-seals.ts"
import type { Ways } from "./whole-answers.ts"

/** What is to be written. */
export interface Writing extends Ways {
  readonly facts: TargetFacts
  /** How many of the first seals of the request the target cannot read; Infinity: none that it can. */
  readonly foreignSeals: number
  /** The cap of a call that has none of its own, in tokens. */
  readonly grantedCap: number | null
  /** Where the client named none. */
  readonly cacheKey: string | null
  /** The client asks at the endpoint that compacts conversations. */
  readonly compacts: boolean
  /** Another target of the group compacts conversations with its vendor's own words. */
  readonly isCompactedByVendor: boolean
  readonly neverStores: boolean
  /** The model name that answers carry; null: the upstream's own. */
  readonly shownModel: string | null
  /** The stream's first event shows an estimate of the input. */
  readonly showsEstimate: boolean
}

/** The same as plain values, which can go into another thread. */
export interface PlainWriting extends Omit<Writing, "facts"> {
  readonly facts: Omit<TargetFacts, "issuer">
  readonly issuer: PlainIssuer
}

export function plainWriting({ facts: { issuer, ...facts }, ...others }: Writing): PlainWriting {
  return { ...others, facts, issuer: plainIssuer(issuer) }
}

export function writingFrom({ facts, issuer, ...others }: PlainWriting): Writing {
  return { ...others, facts: { ...facts, issuer: issuerFrom(issuer) } }
}

export interface Written {
  readonly body: Uint8Array
  readonly shape: WrittenShape
  readonly losses: readonly Loss[]
  readonly needs: AnswerNeeds
}

/** An error that is returned is about state that the target cannot reach. @throws RouterError `invalid-request`, `stateful-unsupported` */
export function writeDecoded(decoded: DecodedRequest, writing: Writing, means: Means): Written | RouterError {
  const { target, facts, foreignSeals, grantedCap } = writing
  const isHome = target === writing.client
  const readable = foreignSeals === 0 ? decoded.request : withForeignSeals(decoded.request, foreignSeals)
  const compaction = isHome ? null : compactionOf(decoded, writing)
  if (compaction !== null && writing.isCompactedByVendor) return noVendorCompaction()
  const asked = compaction === null ? readable : askingForSummary(readable)
  const capped = grantedCap === null ? asked : withCap(asked, grantedCap)
  const request = isHome ? capped : withCacheKey(capped, writing)
  const state = isHome ? null : (heldState(request) ?? boundContent(request))
  if (state !== null) return state
  const wrote = CODECS[target].writeRequest(request, isHome ? homeFacts(request.reasoning, facts) : facts, means.mint)
  return {
    body: Buffer.from(JSON.stringify({ ...wrote.body, ...ownWords(writing) })),
    shape: writtenShape(wrote.body),
    losses: [...decoded.losses, ...wrote.losses],
    needs: {
      compaction,
      context: wrote.context,
      options: {
        request: decoded.request,
        clientBody: decoded.clientBody,
        model: writing.shownModel,
        ...means,
        mint: wrote.context.mint,
        estimatedUsage: writing.showsEstimate ? estimated(decoded.clientBody) : null,
      },
    },
  }
}

/** Null: the call wants something else. */
function compactionOf({ request, clientBody }: DecodedRequest, { compacts }: Writing): AnswerNeeds["compaction"] {
  if (!wantsCompaction(request, compacts)) return null
  return { kept: compacts ? keptMessages(clientBody) : null }
}

function withCap(request: Request, tokens: number): Request {
  return { ...request, cap: { tokens, field: "max_tokens" } }
}

/** Agents name their session in a header, and only OpenAI's own clients name it in the body. */
function withCacheKey(request: Request, { cacheKey }: Writing): Request {
  if (cacheKey === null || request.identity.promptCacheKey !== undefined) return request
  return { ...request, identity: { ...request.identity, promptCacheKey: cacheKey } }
}

/** A compaction is one answer, which is stored nowhere; its endpoint knows neither key. */
function ownWords({ client, target, compacts, neverStores }: Writing): JsonObject {
  if (compacts && client === target) return { stream: undefined }
  return neverStores ? { store: false } : {}
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
