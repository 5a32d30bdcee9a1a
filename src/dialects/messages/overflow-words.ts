/**
 * How Anthropic says that a request is too long. Its clients heal by these sentences: they compact the conversation, or
 * ask again for as much output as the sentence allows. The vendor's own words follow.
 */
import { LEAST_ANSWER_TOKENS, type Overflow } from "../../canonical/overflow.ts"
import type { Failure } from "../../canonical/reply.ts"

const PROMPT = /prompt is too long/i
const SUM = /input length and `max_tokens` exceed context limit: \d+ \+ \d+ > \d+/
const OUTPUT = /max_tokens: \d+ > \d+/

/** The message of a failure. */
export function overflowWords({ kind, overflow, message }: Failure): string {
  if (kind !== "context-too-long" && kind !== "output-too-long") return message
  if ([PROMPT, SUM, OUTPUT].some((form) => form.test(message))) return message
  const sentence = overflow === undefined ? null : sentenceOf(overflow)
  if (sentence !== null) return `${sentence}. ${message}`
  return kind === "context-too-long" ? `prompt is too long: ${message}` : message
}

/** Null: the vendor gave too few numbers. */
function sentenceOf({ is, promptTokens, outputTokens, limitTokens }: Overflow): string | null {
  if (limitTokens === null) return null
  if (is === "output")
    return outputTokens === null
      ? null
      : `max_tokens: ${outputTokens} > ${limitTokens}, which is the maximum allowed number of output tokens`
  if (promptTokens === null) return null
  if (is === "prompt") {
    // where it fits, but with too little room behind it: what it may be at most
    const reserved = promptTokens > limitTokens ? 0 : Math.min(outputTokens ?? Infinity, LEAST_ANSWER_TOKENS)
    return `prompt is too long: ${promptTokens} tokens > ${limitTokens - reserved} maximum`
  }
  return outputTokens === null
    ? null
    : `input length and \`max_tokens\` exceed context limit: ${promptTokens} + ${outputTokens} > ${limitTokens}, decrease input length or \`max_tokens\` and try again`
}
