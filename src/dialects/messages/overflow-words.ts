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

/** The same of a request that the router does not send, by its own estimate in tokens. `cap`: 0 for none. */
export function tooLong(inputTokens: number, cap: number, mostTokens: number): string {
  if (inputTokens > mostTokens || cap === 0) return promptWords(inputTokens, mostTokens)
  return sumWords(inputTokens, cap, mostTokens)
}

function promptWords(promptTokens: number, mostTokens: number): string {
  return `prompt is too long: ${promptTokens} tokens > ${mostTokens} maximum`
}

function sumWords(promptTokens: number, outputTokens: number, limitTokens: number): string {
  return `input length and \`max_tokens\` exceed context limit: ${promptTokens} + ${outputTokens} > ${limitTokens}, decrease input length or \`max_tokens\` and try again`
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
    return promptWords(promptTokens, limitTokens - reserved)
  }
  return outputTokens === null ? null : sumWords(promptTokens, outputTokens, limitTokens)
}
