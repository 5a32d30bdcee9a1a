/**
 * The words by which servers say that a request is too long, or that it asks for too much output. Agents heal both, each in
 * a way of its own: they compact the conversation, or they ask for less.
 */

/**
 * `prompt`: the conversation alone leaves no room for an answer. `sum`: it fits, but not together with the output that is
 * asked for. `output`: the model never gives as much output as is asked for.
 */
export type OverflowIs = "prompt" | "sum" | "output"

/** Counts are tokens; null where the words do not say. */
export interface Overflow {
  readonly is: OverflowIs
  readonly promptTokens: number | null
  /** Tokens that the request asks for. */
  readonly outputTokens: number | null
  /** Of the prompt, of the sum or of the output: as `is` says. */
  readonly limitTokens: number | null
}

/** An error's own words; null where it has none. */
export interface ErrorWords {
  readonly type: string | null
  readonly code: string | null
  readonly message: string | null
}

type Row = readonly [is: OverflowIs, form: RegExp]

const CAP = "`?'?max_?(?:new_|completion_|output_?)?tokens`?'?"

/** Written `N` in the forms: a number, perhaps with commas. */
function row(is: OverflowIs, form: string): Row {
  const source = form.replaceAll("CAP", CAP).replace(/<(\w+)>N/g, "(?<$1>(?<!\\d)\\d[\\d,]*)")
  return [is, new RegExp(source, "is")]
}

/** The first row that fits counts. Groups: `prompt`, `output`, `total`, `limit`; `exclusive`: the limit is one less. */
const ROWS: readonly Row[] = [
  // OpenAI, vLLM, DeepSeek; OpenRouter counts the parts of the input one by one
  row(
    "sum",
    "context length is <limit>N tokens.*requested (?:about )?<total>N tokens \\([^)]*?<output>N (?:in|for) the (?:completion|output)",
  ),
  // vLLM, by age
  row("sum", "too large: <output>N\\..*context length is <limit>N tokens and your request has <prompt>N input tokens"),
  row("sum", "passed <prompt>N input tokens and requested <output>N output tokens.*context length is only <limit>N"),
  row(
    "sum",
    "context length is <limit>N tokens.*requested <output>N output tokens and your prompt.*total of at least <total>N",
  ),
  row("sum", "context length is <limit>N tokens.*has <prompt>N input tokens and <output>N output tokens"),
  // SGLang
  row("sum", "context length of <limit>N tokens.*<prompt>N tokens from the input.*<output>N tokens for the completion"),
  // Anthropic
  row("sum", "input length and CAP exceed context limit: <prompt>N \\+ <output>N > <limit>N"),
  row("sum", "input length and CAP exceed"),
  // TGI, Together
  row("sum", "tokens \\+ CAP must be <= <limit>N\\. Given: <prompt>N `?inputs`? tokens and <output>N"),
  // SiliconFlow
  row("sum", "max_total_tokens \\(<total>N\\) must be less than or equal to max_seq_len \\(<limit>N\\)"),

  // Anthropic
  row("output", "max_tokens: <output>N > <limit>N, which is the maximum allowed number of output tokens"),
  // OpenAI
  row("output", "CAP is too large: <output>N\\. This model supports at most <limit>N"),
  row("output", "CAP: integer above maximum value\\. Expected a value <= <limit>N, but got <output>N"),
  // vLLM, TensorRT-LLM
  row("output", "CAP=<output>N cannot be greater than [\\w=]*?=<limit>N"),
  // Bedrock
  row("output", "maximum tokens you requested exceeds the model limit of <limit>N"),
  // DeepSeek, Qwen
  row("output", "range of CAP (?:is|should be) \\[\\d+, ?<limit>N\\]"),
  // Groq
  row("output", "CAP must be less than or equal to `?<limit>N"),
  // DeepSeek, Z.ai
  row("output", "CAP.{0,40} must be between \\d+ and <limit>N"),
  row("output", "CAP is limited to <limit>N"),
  // Vertex AI
  row(
    "output",
    "CAP value of <output>N but the supported range is from \\d+ \\(inclusive\\) to <limit>N \\((?<exclusive>exclusive)",
  ),
  row("output", "CAP[^.]{0,40} exceeds? the [^.]{0,20}(?:limit|maximum)(?: of <limit>N)?"),
  row("output", "CAP (?:is|are) too (?:large|high)"),

  // Anthropic, Fireworks
  row("prompt", "prompt is too long: <prompt>N(?: tokens)?(?: > |, model maximum context length: )<limit>N"),
  // OpenAI, Azure, vLLM
  row("prompt", "context length is <limit>N tokens.*(?:resulted in|has) <prompt>N (?:input )?tokens"),
  row("prompt", "exceed the configured limit of <limit>N tokens.*resulted in <prompt>N tokens"),
  // accounts whose minute has fewer tokens than the request
  row("prompt", "request too large for .*limit <limit>N, requested <prompt>N"),
  row("prompt", "prompt \\((?:total )?length <prompt>N\\) is (?:longer|too long).*?(?:length of|length) <limit>N"),
  // SGLang
  row("prompt", "input \\(<prompt>N tokens\\) is longer than the model's context length \\(<limit>N"),
  row(
    "prompt",
    "input length \\(<prompt>N(?: tokens)?\\) exceeds (?:the|model's) maximum (?:allowed|context) length \\(<limit>N",
  ),
  // llama.cpp
  row("prompt", "request \\(<prompt>N tokens\\) exceeds the available context size \\(<limit>N"),
  // LM Studio
  row("prompt", "first <prompt>N tokens when context.*context length of only <limit>N"),
  row("prompt", "greater than the context length.*n_keep: <prompt>N >= n_ctx: <limit>N"),
  // DwarfStar
  row("prompt", "prompt has <prompt>N tokens?, but the configured context size is <limit>N"),
  // Gemini
  row("prompt", "input token count \\(?<prompt>N\\)? exceeds the maximum number of tokens allowed \\(?<limit>N"),
  row("prompt", "input token count is <prompt>N but model only supports up to <limit>N"),
  // xAI
  row("prompt", "maximum prompt length is <limit>N but the request contains <prompt>N"),
  // Mistral
  row("prompt", "prompt contains <prompt>N tokens.*too large for model with <limit>N maximum context length"),
  // Kimi
  row("prompt", "exceeded model token limit: <limit>N(?: \\(requested: <prompt>N\\))?"),
  // Qwen
  row("prompt", "range of input length should be \\[\\d+, ?<limit>N\\]"),
  // GitHub Copilot, GitHub Models
  row("prompt", "prompt token count of <prompt>N exceeds the limit of <limit>N"),
  row("prompt", "request body too large for .*max size: <limit>N tokens"),
  // Cohere
  row("prompt", "tokens in the prompt cannot exceed <limit>N - received <prompt>N"),
  // Cerebras
  row("prompt", "current length is <prompt>N while limit is <limit>N"),
  // TGI
  row("prompt", "`?inputs`? must have less than <limit>N tokens\\. Given: <prompt>N"),
  // SiliconFlow, TensorRT-LLM
  row("prompt", "length of prompt_tokens \\(<prompt>N\\) must be less than max_seq_len \\(<limit>N\\)"),
  row("prompt", "prompt length \\(<prompt>N(?:\\.0)?\\).*should not exceed max_num_tokens \\(<limit>N"),
  row("prompt", "prompt length \\(<prompt>N\\) exceeds maximum input length \\(<limit>N"),
  // Bedrock
  row("prompt", "max input tokens: <limit>N, request input token count: <prompt>N"),

  // those that give no numbers: Anthropic, Bedrock, Groq, Ollama, LM Studio, Z.ai, Doubao, MiniMax, and kin of all
  row("prompt", "(?:prompt|input|conversation)(?: \\([^)]*\\))? is too long|prompt (?:too long|超长)"),
  // a minute or a day may have too many tokens as well
  row("prompt", "too many (?:input|prompt) tokens|too many tokens: |token limit exceeded"),
  row("prompt", "reduce the length of (?:the |your )?(?:messages|prompt|input)"),
  row("prompt", "prompt exceeds max(?:imum)? length|exceed max message tokens|exceeded model token limit"),
  row("prompt", "(?:input|prompt|total) token count.{0,40} exceeds the maximum|maximum context length"),
  row(
    "prompt",
    "(?:exceed\\w{0,3}|overflow\\w{0,3}|reached|(?:longer|larger|greater|bigger) than)[^.]{0,60}context[ _](?:length|window|size|limit)",
  ),
  row("prompt", "context[ _](?:length|window|size|limit)[^.]{0,40}(?:exceed|overflow|too (?:long|large|small))"),
]

/** Words of `code` and `type`, of servers that have one for it. */
const CODES =
  /context_?length_?exceeded|context_?window|prompt_too_long|exceed_context_size|max_prompt_tokens_exceeded|tokens_limit_reached/i

/** A text of a member has a largest length too; one of this size bounds a conversation, a shorter one a name or an id. */
const TEXT_TOO_LONG =
  /(?:(?:input|messages).*string too long\. expected a (?:string with )?maximum length|expected maxLength:) (\d+)/i
const LEAST_CONVERSATION = 100_000

/** Servers' sentences have some hundred characters; what is longer quotes somebody. */
const LONGEST_READ = 2048

/** Reads from an error how the request is too long; null: the error is about something else. */
export function overflowIn({ type, code, message }: ErrorWords): Overflow | null {
  const text = (message ?? "").slice(0, LONGEST_READ)
  for (const [is, form] of ROWS) {
    const groups = form.exec(text)
    if (groups !== null) return settled(is, groups.groups ?? {})
  }
  const isNamed = CODES.test(code ?? "") || CODES.test(type ?? "") || isLongText(text)
  return isNamed ? { is: "prompt", promptTokens: null, outputTokens: null, limitTokens: null } : null
}

function isLongText(text: string): boolean {
  return Number(TEXT_TOO_LONG.exec(text)?.[1] ?? 0) >= LEAST_CONVERSATION
}

function settled(is: OverflowIs, groups: Readonly<Record<string, string | undefined>>): Overflow {
  const total = countOf(groups["total"])
  const prompt = countOf(groups["prompt"])
  const output = countOf(groups["output"])
  const limit = countOf(groups["limit"])
  const promptTokens = prompt ?? (total === null || output === null ? null : total - output)
  const limitTokens = limit === null || groups["exclusive"] === undefined ? limit : limit - 1
  const leavesNothing = is === "sum" && fills(promptTokens, limitTokens)
  return { is: leavesNothing ? "prompt" : is, promptTokens, outputTokens: output, limitTokens }
}

function countOf(text: string | undefined): number | null {
  const count = Number(text?.replaceAll(",", "") ?? Number.NaN)
  return Number.isSafeInteger(count) ? count : null
}

/** Claude Code asks for what is left less 1,000 tokens, and gives up below 3,000: then only a shorter prompt helps. */
export const LEAST_ANSWER_TOKENS = 4000

function fills(prompt: number | null, limit: number | null): boolean {
  if (prompt === null || limit === null) return false
  return prompt >= limit || (prompt > limit / 2 && limit - prompt < LEAST_ANSWER_TOKENS)
}
