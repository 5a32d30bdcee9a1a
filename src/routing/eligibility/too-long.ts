/**
 * Agents make their history shorter, or ask for less, when they read that it is too long; they know it by their vendor's
 * words, so the router says it in these. https://platform.claude.com/docs/en/build-with-claude/context-windows
 */
import type { Target } from "../../config/snapshot.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import { estimatedInputTokens } from "./estimate.ts"
import type { Asked } from "./filter.ts"
import { BY_DIALECT, type RejectionReason } from "./reasons.ts"

/** Null: length is not all that stands against the targets. The numbers are the router's estimate. */
export function tooLong(
  asked: Asked,
  rejected: readonly { readonly target: Target; readonly reason: RejectionReason }[],
): string | null {
  const against = rejected.filter(({ reason }) => !BY_DIALECT.has(reason))
  if (against.length === 0 || against.some(({ reason }) => reason !== "request-shape-context-exceeded")) return null
  const cap = asked.facts.outputCap?.tokens ?? 0
  const most = Math.max(...against.map(({ target }) => windowOf(target, cap)))
  const input = estimatedInputTokens(asked, 0)
  return DIALECTS[asked.dialect.name].tooLong(input, cap, most)
}

/** Of input and output together, as far as both are configured. */
function windowOf({ limits }: Target, cap: number): number {
  return Math.min(limits.contextTokens ?? Infinity, (limits.request?.maxInputTokens ?? Infinity) + cap)
}
