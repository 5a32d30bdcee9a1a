/** Which APIs LiteLLM's provider prefixes stand for (litellm/litellm_core_utils/get_llm_provider_logic.py). */

export interface KnownProvider {
  readonly dialect: "openai-chat" | "openai-responses" | "anthropic"
  /** Absent: the file must say it. */
  readonly baseUrl?: string
  /** The variable of the key where the file has none; absent: the server needs no key. */
  readonly variable?: string
  readonly note?: string
}

function compatible(baseUrl: string, variable: string, note?: string): KnownProvider {
  return { dialect: "openai-chat", baseUrl, variable, ...(note === undefined ? {} : { note }) }
}

const OWN_SERVER: KnownProvider = { dialect: "openai-chat" }

/** By prefix. `azure` and `ollama` are read by `litellm-deployment.ts`. */
export const KNOWN_PROVIDERS: Readonly<Record<string, KnownProvider>> = {
  openai: compatible("https://api.openai.com/v1", "OPENAI_API_KEY"),
  anthropic: { dialect: "anthropic", baseUrl: "https://api.anthropic.com", variable: "ANTHROPIC_API_KEY" },
  azure: { dialect: "openai-chat", variable: "AZURE_API_KEY" },
  ollama: { dialect: "openai-chat", baseUrl: "http://localhost:11434" },
  ollama_chat: { dialect: "openai-chat", baseUrl: "http://localhost:11434" },
  groq: compatible("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
  mistral: compatible("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
  deepseek: compatible("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
  together_ai: compatible("https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
  fireworks_ai: compatible("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
  openrouter: compatible("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
  xai: compatible("https://api.x.ai/v1", "XAI_API_KEY"),
  perplexity: compatible("https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
  cerebras: compatible("https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
  nvidia_nim: compatible("https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
  deepinfra: compatible("https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
  sambanova: compatible("https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
  gemini: compatible(
    "https://generativelanguage.googleapis.com/v1beta/openai",
    "GEMINI_API_KEY",
    "Gemini is asked through its OpenAI-compatible API, which offers less than its own.",
  ),
  hosted_vllm: OWN_SERVER,
  lm_studio: OWN_SERVER,
  llamafile: OWN_SERVER,
  openai_like: OWN_SERVER,
  custom_openai: OWN_SERVER,
  litellm_proxy: { dialect: "openai-chat", variable: "LITELLM_PROXY_API_KEY" },
}

/** The prefix that LiteLLM would infer for a bare name; undefined: it infers another one, or none. */
export function inferredPrefix(model: string): string | undefined {
  if (/^(?:gpt-|chatgpt-|o[1-9](?:-|$)|ft:gpt-)/u.test(model)) return "openai"
  return model.startsWith("claude-") ? "anthropic" : undefined
}
