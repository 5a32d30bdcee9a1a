/** What a translation could not carry, as values. The documentation of losses is generated from this table. */

export const LOSSES = {
  // Requests
  "system-position": "A system message inside the conversation was given to the model as marked user text.",
  "message-name": "The name of a participant was left out.",
  "message-field": "A field of a message that only its own dialect knows was left out.",
  "block-field": "A field of a content block or tool that only its own dialect knows was left out.",
  "block-order": "Text that stood between or behind tool calls was moved before them.",
  "turn-added": "A minimal user message was added, because the target refuses a conversation without one.",
  prefill:
    "An unfinished assistant message at the end was left out, or its trailing white space, because the target cannot continue it.",
  "cache-mark": "A prompt-cache mark was left out.",
  "cache-key": "A prompt-cache key, retention or option was left out.",
  identity: "A user, safety identifier or metadata stayed with the router.",
  "reasoning-history":
    "Earlier reasoning that belongs to another issuer, or that the target does not take, was left out.",
  "reasoning-control": "The wish about reasoning was translated to the nearest that the target can do.",
  "reasoning-display": "The wish how reasoning is shown or summarised was left out.",
  "reasoning-off":
    "Reasoning was switched off for this call, because the history no longer holds what the target demands.",
  "tool-hosted": "A tool that the provider executes was left out.",
  "tool-client": "A vendor-defined tool without a schema was left out.",
  "tool-grammar": "The grammar of a free-text tool became part of its description.",
  "tool-strict": "Strict checking of tool arguments was left out.",
  "tool-deferred": "A tool that was to be loaded on demand was declared at once.",
  "tool-choice": "The choice of tools was reduced to the nearest that the target can express.",
  "tool-parallel": "The wish about parallel tool calls was left out.",
  "tool-step": "An earlier step of a vendor's own tool was left out or shown as text.",
  "tool-arguments-wrapped": "Arguments that are not a JSON object were wrapped into one.",
  "tool-result-orphan": "A tool result without its call was left out.",
  "tool-result-duplicate": "A second result of the same call was left out.",
  "tool-result-missing": "A call without a result was given one that says so.",
  "tool-result-error": "The error flag of a tool result became a mark in its text.",
  "tool-result-media": "Media of a tool result were moved into a user message behind it, or left out.",
  "image-detail": "The wish about image detail was left out.",
  image: "An image was left out.",
  document: "A document was left out.",
  "document-field": "The title, context or citation wish of a document was left out.",
  audio: "Audio was left out.",
  "file-reference": "A reference to a file at one provider was left out.",
  "stored-reference": "A reference to stored state was left out.",
  notice: "A note that steers or describes the conversation was left out or shown as text.",
  content: "A content block of a kind that the target lacks, or of white space alone, was left out or shown as text.",
  "refusal-history": "An earlier refusal was given as ordinary text.",
  citations: "Citations on earlier text were left out.",
  "output-format": "The wish for structured output was left out or reduced.",
  verbosity: "The wish about verbosity was left out.",
  "stop-sequences": "Stop sequences were left out or cut to the target's number.",
  sampling: "A sampling parameter was left out or brought into the target's range.",
  choices: "More than one choice was asked for; one is given.",
  "output-cap": "The output cap was brought into the target's range.",
  "service-tier": "The wish for a service tier was left out.",
  store: "Storing the answer at the provider was asked for and is not done.",
  beta: "The name of a beta that the target's configuration does not let through was left out.",
  field: "A top-level field that only its own dialect knows was left out.",
  // Replies
  "reply-tool-step": "A step of a provider-executed tool was not shown.",
  "reply-content": "A content block of a kind that the client's dialect lacks was left out or shown as text.",
  "reply-order": "Text that stood between or behind tool calls is shown before them.",
  "reply-citations": "Citations, or their places inside of the text, were left out.",
  "reply-refusal": "The words of a refusal were given as ordinary text.",
  "reply-reasoning-seal": "A reasoning payload was too long to travel, or came too late, and was left out.",
  "reply-logprobs": "Log probabilities were left out.",
  "reply-choices": "The upstream gave several choices; the first is shown.",
  "reply-stop": "The reason why the answer ended was reduced to the nearest one that the client's dialect has.",
  "reply-arguments-wrapped": "Arguments of a tool call that are not a JSON object were wrapped into one.",
  "reply-usage": "A usage counter has no place in the client's dialect.",
  "reply-field": "A field of the answer that only its own dialect knows was left out.",
} as const

export type LossCode = keyof typeof LOSSES

/**
 * `path` leads to the place in the canonical request or reply by the names of its fields, entries of lists by their number:
 * `instructions[0]`, `messages[3].blocks[1]`, `sampling.topK`, `blocks[2]` of a reply. What concerns a block names the block, what concerns a
 * message the message (`messages[3]`). Fields that only the client's dialect knows stand under their wire names.
 */
export interface Loss {
  readonly code: LossCode
  readonly path: string
}

/** Beyond this number only codes that are not listed yet are added, so that a list stays bounded. */
const MAX_LOSSES = 256

/** Collects losses: each code and path once, in order of appearance. */
export class Losses {
  readonly #seen = new Set<string>()
  readonly #codes = new Set<LossCode>()
  readonly #list: Loss[] = []

  add(code: LossCode, path: string): void {
    if (this.#list.length >= MAX_LOSSES && this.#codes.has(code)) return
    const key = `${code} ${path}`
    if (this.#seen.has(key)) return
    this.#seen.add(key)
    this.#codes.add(code)
    this.#list.push({ code, path })
  }

  addAll(losses: readonly Loss[]): void {
    for (const loss of losses) this.add(loss.code, loss.path)
  }

  list(): readonly Loss[] {
    return [...this.#list]
  }
}

/** The value of `X-Router-Losses`: each code once, in order; "" for none. */
export function lossHeader(losses: readonly Loss[]): string {
  return [...new Set(losses.map((loss) => loss.code))].join(",")
}
