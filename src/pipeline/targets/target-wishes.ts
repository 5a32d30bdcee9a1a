/** What the router adds to a request that its client did not say: a cache key of its session, and output caps. */
import type { TargetFacts } from "../../canonical/target.ts"
import type { Target } from "../../config/snapshot.ts"
import type { Cap } from "../../dialects/passthrough.ts"
import { estimatedInputTokens } from "../../routing/eligibility/estimate.ts"
import type { CallRequest } from "../call/request.ts"

/** Vendors take 64 characters at most. The same for all calls of a session; other callers, and the pins, have other keys. */
const KEY_CHARS = 32

/** What a client that names its session in a header, and no key in the body, is cached under; null: nothing. */
export function cacheKeyFor({ facts }: Target, request: CallRequest): string | null {
  if (!facts.cacheKey || facts.issuer.dialect === "messages") return null
  const keys = request.session
  if (keys === null) return null
  return new Bun.CryptoHasher("sha256").update(`cache ${keys.next}`).digest("hex").slice(0, KEY_CHARS)
}

/** The estimate may be a quarter too low. */
const ESTIMATE_MARGIN = 1.25

/** A cap that the router makes up must leave room for the input. */
export function withDefaultCap(facts: TargetFacts, { limits }: Target, request: CallRequest): TargetFacts {
  const { contextTokens } = limits
  if (contextTokens === null || request.facts.outputCap !== null) return facts
  const left = contextTokens - Math.ceil(estimatedInputTokens(request, 0) * ESTIMATE_MARGIN)
  const room = Math.max(facts.minOutputTokens, left)
  return {
    ...facts,
    defaultOutputTokens: Math.min(facts.defaultOutputTokens, room),
    maxOutputTokens: Math.min(facts.maxOutputTokens ?? room, room),
  }
}

/** The field of a dialect for the cap that the router writes; null where the client's own words, or none, go upstream. */
export function grantedCapFor({ dialect, facts }: Target, grantedCap: number | null): Cap | null {
  if (grantedCap === null) return null
  const field =
    dialect === "openai-responses"
      ? "max_output_tokens"
      : dialect === "anthropic"
        ? "max_tokens"
        : facts.outputTokenField
  return { field, tokens: grantedCap }
}
