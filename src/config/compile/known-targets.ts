/**
 * What is known of upstreams without being told: by host, by engine and by model. The one table of quirks; the documentation
 * prints it. Later rows win over earlier ones, and the configuration over all.
 */
import type { DialectName } from "../../dialects/dialect.ts"
import { claudeVersion, isClaude } from "./claude-models.ts"
import type { Accepts, ProviderConfig, ReasoningSupport, TargetConfig } from "../config.ts"

export interface Knowledge {
  readonly accepts: Accepts
  /** Counts only where the configuration says that the model reasons. */
  readonly reasoning: Partial<ReasoningSupport>
  readonly outputTokenField: TargetConfig["output_token_field"]
  /** The cap of a call without one, where the dialect demands a cap. */
  readonly defaultOutputTokens: number | undefined
}

export interface KnownTarget extends Partial<Knowledge> {
  /** As the documentation names it. */
  readonly name: string
  readonly dialects: readonly DialectName[]
  /** Ends of host names; absent: all. */
  readonly hosts?: readonly string[]
  readonly engines?: readonly Engine[]
  readonly fits?: (model: string) => boolean
}

export type Engine = NonNullable<ProviderConfig["engine"]>

const CHAT: readonly DialectName[] = ["openai-chat"]
const OPENAI: readonly DialectName[] = ["openai-chat", "openai-responses"]
const MESSAGES: readonly DialectName[] = ["anthropic"]
const EFFORTS = ["low", "medium", "high"]
const ALL_EFFORTS = ["none", "minimal", ...EFFORTS, "xhigh", "max"]

const named =
  (pattern: RegExp) =>
  (model: string): boolean =>
    pattern.test(model)
const claude =
  (from: number, below = Infinity) =>
  (model: string): boolean =>
    isClaude(model) && claudeVersion(model) >= from && claudeVersion(model) < below

/**
 * Sources: the vendors' documents, and for templates those of Qwen 3.5, Mistral and Gemma. A row says what a server refuses, or
 * what it needs; what is not known to be refused stays as the dialect has it.
 */
export const KNOWN_TARGETS: readonly KnownTarget[] = [
  {
    name: "any Chat server",
    dialects: CHAT,
    accepts: {
      system: "first",
      roles: "joined",
      reasoning_history: "issued",
      cache_key: false,
      verbosity: false,
    },
    reasoning: { efforts: ["none", ...EFFORTS] },
  },
  {
    // https://platform.openai.com/docs/api-reference/chat/create
    name: "OpenAI",
    dialects: CHAT,
    hosts: ["api.openai.com", "openai.azure.com", "services.ai.azure.com"],
    accepts: { system: "anywhere", roles: "free", cache_key: true, verbosity: true },
    reasoning: { efforts: ALL_EFFORTS },
  },
  { name: "OpenAI itself", dialects: CHAT, hosts: ["api.openai.com"], outputTokenField: "max_completion_tokens" },
  {
    // https://openrouter.ai/docs/api-reference/parameters
    name: "OpenRouter",
    dialects: CHAT,
    hosts: ["openrouter.ai"],
    accepts: { cache_key: true, verbosity: true },
    reasoning: { efforts: ALL_EFFORTS },
  },
  {
    // https://api-docs.deepseek.com/guides/thinking_mode
    name: "DeepSeek",
    dialects: CHAT,
    hosts: ["api.deepseek.com"],
    accepts: { reasoning_beside_calls: "reasoning_content", text_parts: false, documents: false },
  },
  {
    name: "DeepSeek behind another host",
    dialects: CHAT,
    fits: named(/^deepseek-(chat|reasoner)/),
    accepts: { reasoning_beside_calls: "reasoning_content" },
  },
  {
    // https://platform.moonshot.ai/docs/guide/use-kimi-k2-thinking-model
    name: "Moonshot",
    dialects: CHAT,
    hosts: ["api.moonshot.ai", "api.moonshot.cn", "api.kimi.com"],
    accepts: { reasoning_beside_calls: "reasoning_content", cache_key: true, documents: false },
  },
  { name: "Groq, Cerebras", dialects: CHAT, hosts: ["api.groq.com", "api.cerebras.ai"], accepts: { documents: false } },
  {
    // https://docs.databricks.com/aws/en/machine-learning/foundation-model-apis/api-reference
    name: "Databricks",
    dialects: CHAT,
    hosts: ["databricks.com", "azuredatabricks.net"],
    accepts: { stream_usage: false },
  },
  {
    name: "private engines",
    dialects: CHAT,
    engines: ["vllm", "sglang", "llama.cpp", "ollama", "lm-studio"],
    accepts: { documents: false },
  },
  {
    // https://docs.mistral.ai/api/endpoint/chat: unknown fields are refused, usage comes without being asked for
    name: "Mistral",
    dialects: CHAT,
    hosts: ["api.mistral.ai", "codestral.mistral.ai"],
    accepts: { stream_usage: false, reasoning_history: "none" },
  },
  {
    name: "Mistral's models",
    dialects: CHAT,
    fits: named(/(mistral|mixtral|ministral|magistral|devstral|codestral)/i),
    accepts: { roles: "alternating", tool_ids: { alphabet: "alphanumeric", min_chars: 9, max_chars: 9 } },
  },
  {
    name: "Gemma",
    dialects: CHAT,
    fits: named(/gemma/i),
    accepts: { roles: "alternating" },
  },
  { name: "gpt-oss", dialects: OPENAI, fits: named(/gpt-oss/i), reasoning: { efforts: EFFORTS } },
  {
    // https://console.groq.com/docs/reasoning
    name: "Qwen at Groq",
    dialects: CHAT,
    hosts: ["api.groq.com"],
    fits: named(/qwen/i),
    reasoning: { efforts: ["none", "default"] },
  },
  {
    name: "o1, o3, o4, gpt-5-codex",
    dialects: OPENAI,
    fits: named(/(^|\/)(o[134](-|$)|gpt-5-codex)/),
    reasoning: { efforts: EFFORTS },
  },
  {
    name: "GPT-5",
    dialects: OPENAI,
    fits: named(/(^|\/)gpt-5(-mini|-nano)?(-\d{4}|$)/),
    reasoning: { efforts: ["minimal", ...EFFORTS] },
  },
  {
    name: "GPT-5.1",
    dialects: OPENAI,
    fits: named(/(^|\/)gpt-5\.1(-|$)/),
    reasoning: { efforts: ["none", ...EFFORTS] },
  },
  {
    name: "GPT-5.2 to 5.4",
    dialects: OPENAI,
    fits: named(/(^|\/)gpt-5\.[234](-|$)/),
    reasoning: { efforts: ["none", ...EFFORTS, "xhigh"] },
  },
  { name: "any Messages server", dialects: MESSAGES, reasoning: { efforts: ["none", ...EFFORTS, "xhigh", "max"] } },
  {
    // https://platform.claude.com/docs/en/build-with-claude/extended-thinking
    name: "Claude",
    dialects: MESSAGES,
    fits: isClaude,
    accepts: { automatic_cache: true },
    reasoning: { control: "token_budget" },
    defaultOutputTokens: 64_000,
  },
  { name: "Claude 3", dialects: MESSAGES, fits: claude(0, 3.05), defaultOutputTokens: 4096 },
  { name: "Claude 3.5", dialects: MESSAGES, fits: claude(3.05, 3.07), defaultOutputTokens: 8192 },
  {
    name: "Claude Opus 4 and 4.1",
    dialects: MESSAGES,
    fits: (model) => claude(4, 4.05)(model) && /opus/i.test(model),
    defaultOutputTokens: 32_000,
  },
  {
    // https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking
    name: "Claude 4.6 and later",
    dialects: MESSAGES,
    fits: claude(4.06),
    accepts: { prefill: false },
    reasoning: { control: "adaptive", efforts: ["none", ...EFFORTS, "max"], supports_summaries: true },
  },
  {
    // https://platform.claude.com/docs/en/about-claude/models/whats-new-claude-4-7
    name: "Claude 4.7 and later",
    dialects: MESSAGES,
    fits: claude(4.07),
    accepts: { sampling: false },
    reasoning: { efforts: ["none", ...EFFORTS, "xhigh", "max"] },
  },
  {
    // https://platform.claude.com/docs/en/models/opus-5-5/migration-guide
    name: "Claude Opus and Sonnet 5.5, Fable, Mythos",
    dialects: MESSAGES,
    fits: (model) => claude(5.05)(model) && !/haiku/i.test(model),
    accepts: { forced_tool_choice: false },
  },
  {
    name: "Claude Opus 5.5, Fable, Mythos",
    dialects: MESSAGES,
    fits: (model) => (claude(5.05)(model) && !/haiku|sonnet/i.test(model)) || /claude-(fable|mythos)/i.test(model),
    reasoning: { mode: "always_on" },
  },
  {
    // https://platform.claude.com/docs/en/models/sonnet-5-5/migration-guide
    name: "Claude Sonnet 5.5",
    dialects: MESSAGES,
    fits: (model) => claude(5.05)(model) && /sonnet/i.test(model),
    reasoning: { off: "between_tools" },
  },
  {
    name: "Bedrock, Vertex",
    dialects: MESSAGES,
    hosts: ["amazonaws.com", "googleapis.com"],
    accepts: { automatic_cache: false },
  },
]

export interface Asked {
  readonly dialect: DialectName
  readonly model: string
  readonly hostname: string
  /** Undefined: nothing is said. */
  readonly engine: Engine | undefined
}

/** All rows that fit, in one. */
export function knowledgeOf(asked: Asked): Knowledge {
  let known: Knowledge = { accepts: {}, reasoning: {}, outputTokenField: undefined, defaultOutputTokens: undefined }
  for (const row of KNOWN_TARGETS) {
    if (!fits(row, asked)) continue
    known = {
      accepts: { ...known.accepts, ...row.accepts },
      reasoning: { ...known.reasoning, ...row.reasoning },
      outputTokenField: row.outputTokenField ?? known.outputTokenField,
      defaultOutputTokens: row.defaultOutputTokens ?? known.defaultOutputTokens,
    }
  }
  return known
}

function fits({ dialects, hosts, engines, fits: isModel }: KnownTarget, asked: Asked): boolean {
  if (!dialects.includes(asked.dialect)) return false
  if (hosts !== undefined && !hosts.some((end) => isAt(asked.hostname, end))) return false
  if (engines !== undefined && (asked.engine === undefined || !engines.includes(asked.engine))) return false
  return isModel === undefined || isModel(asked.model)
}

/** The host itself, or one below it. */
function isAt(hostname: string, end: string): boolean {
  return hostname === end || hostname.endsWith(`.${end}`)
}
