/**
 * Agents make their history shorter, or ask for less, when they read that it is too long; they know it by their vendor's
 * words, so the router says it in these. https://platform.claude.com/docs/en/build-with-claude/context-windows
 */
import type { Target } from "../../config/snapshot.ts"
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
  if (asked.dialect.name !== "anthropic")
    return `This model's maximum context length is ${most} tokens. However, you requested ${input + cap} tokens (${input} in the messages, ${cap} in the completion). Please reduce the length of the messages or completion.`
  if (input > most || cap === 0) return `prompt is too long: ${input} tokens > ${most} maximum`
  return `input length and \`max_tokens\` exceed context limit: ${input} + ${cap} > ${most}, decrease input length or \`max_tokens\` and try again`
}

/** Of input and output together, as far as both are configured. */
function windowOf({ limits }: Target, cap: number): number {
  return Math.min(limits.contextTokens ?? Infinity, (limits.request?.maxInputTokens ?? Infinity) + cap)
}
