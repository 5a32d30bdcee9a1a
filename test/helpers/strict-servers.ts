/** Servers as they stand in the world: what each refuses, and what a configuration says of it. */
import type { Config } from "./config.ts"
import { SAMPLES } from "./samples.ts"
import {
  assistantBehindResults,
  contentIsText,
  idsWithin,
  nineCharacterIds,
  noDeveloper,
  noDocuments,
  noEmptyContent,
  noNeighbours,
  noReasoningBack,
  onlyEfforts,
  onlyFields,
  onlyToolChoices,
  systemFirst,
  thinkingComesBack,
  withoutFields,
  type Refusal,
} from "./strict-chat.ts"
import { adaptiveOnly, noForcedChoice, noSampling, noSystemInside } from "./strict-messages.ts"
import { at } from "./streams.ts"
import { EVERYTHING } from "./translating.ts"

type Json = Readonly<Record<string, unknown>>

export interface StrictServer {
  /** Absent: Chat. */
  readonly dialect?: "chat" | "messages"
  readonly model: string
  readonly refusals: readonly Refusal[]
  /** Where its reasoning stands in Chat. */
  readonly field?: string
  /** Further keys of the catalogue's entry. */
  readonly entry?: Json
}

const PLAIN = [
  "model",
  "messages",
  "tools",
  "tool_choice",
  "stream",
  "stream_options",
  "max_tokens",
  "parallel_tool_calls",
]
const BARE = ["model", "messages", "tools", "stream", "max_tokens"]

export const STRICT_SERVERS: Readonly<Record<string, StrictServer>> = {
  "one system message": { model: "Qwen/Qwen3.5-32B", refusals: [systemFirst] },
  "alternating roles": { model: "google/gemma-3-27b-it", refusals: [systemFirst, noNeighbours] },
  "Mistral's template": {
    model: "mistralai/Devstral-Small",
    refusals: [systemFirst, noNeighbours, assistantBehindResults, nineCharacterIds],
  },
  "reasoning_content comes back": { model: "deepseek-chat", refusals: [thinkingComesBack("reasoning_content", true)] },
  "reasoning comes back": { model: "newer", field: "reasoning", refusals: [thinkingComesBack("reasoning", true)] },
  "a field for reasoning beside calls": {
    model: "deepseek-reasoner",
    refusals: [thinkingComesBack("reasoning_content", false)],
  },
  "reasoning must not come back": {
    model: "qwen-at-cerebras",
    refusals: [noReasoningBack],
    entry: { accepts: { reasoning_history: "none" } },
  },
  "known fields only": { model: "openai/gpt-oss-120b", refusals: [onlyFields(...PLAIN, "reasoning_effort")] },
  "known efforts only": { model: "openai/gpt-oss-20b", refusals: [onlyEfforts("low", "medium", "high")] },
  "configured efforts only": {
    model: "other",
    refusals: [onlyEfforts("none", "default")],
    entry: { reasoning: { supported: true, efforts: ["none", "default"] } },
  },
  "a model that does not reason": {
    model: "llama",
    refusals: [onlyFields(...PLAIN)],
    entry: { reasoning: { supported: false } },
  },
  "a model of which nothing is said": {
    model: "llama-2",
    refusals: [onlyFields(...PLAIN)],
    entry: { reasoning: undefined },
  },
  "no question for usage": {
    model: "databricks",
    refusals: [onlyFields(...PLAIN.filter((field) => field !== "stream_options"), "reasoning_effort")],
    entry: { accepts: { stream_usage: false } },
  },
  "fields that no key knows": {
    model: "strange",
    refusals: [
      onlyFields(...PLAIN.filter((field) => field !== "parallel_tool_calls"), "chat_template_kwargs"),
      ({ chat_template_kwargs: kwargs }) =>
        at(kwargs, "enable_thinking") === true ? null : "enable_thinking is missing",
    ],
    entry: {
      request: {
        set: { chat_template_kwargs: { enable_thinking: true } },
        drop: ["parallel_tool_calls", "reasoning_effort"],
      },
    },
  },
  "the newer output cap": {
    model: "o4-mini",
    refusals: [withoutFields("max_tokens"), onlyEfforts("low", "medium", "high")],
    entry: { output_token_field: "max_completion_tokens" },
  },
  "the older output cap and role": { model: "aged", refusals: [withoutFields("max_completion_tokens"), noDeveloper] },
  "text alone": {
    model: "texts",
    refusals: [contentIsText, systemFirst],
    entry: { input_modalities: ["text"], accepts: { text_parts: false } },
  },
  "nothing empty": { model: "kimi-at-home", refusals: [noEmptyContent, noDocuments] },
  "short ids": {
    model: "columns",
    refusals: [idsWithin(/^[A-Za-z0-9_-]{1,40}$/u)],
    entry: { accepts: { tool_ids: { alphabet: "word", max_chars: 40 } } },
  },
  "few fields and no choices": {
    model: "bare",
    refusals: [onlyToolChoices("auto", "none"), onlyFields(...BARE), noDeveloper, noDocuments],
    entry: {
      reasoning: { supported: false },
      accepts: { stream_usage: false, documents: false },
      request: { drop: ["tool_choice", "parallel_tool_calls"] },
    },
  },
}

/** They speak Claude Code's own dialect, so they get what it writes. */
export const STRICT_MESSAGES: Readonly<Record<string, StrictServer>> = {
  "adaptive thinking alone": {
    dialect: "messages",
    model: "claude-opus-5-5",
    refusals: [adaptiveOnly, noSampling, noForcedChoice, noSystemInside],
  },
  "the rules of Messages": { dialect: "messages", model: "claude-sonnet-5-5", refusals: [] },
  "thinking by a budget": {
    dialect: "messages",
    model: "claude-sonnet-4-5",
    refusals: [
      noSystemInside,
      ({ thinking }) => (at(thinking, "type") === "adaptive" ? "thinking.type: adaptive" : null),
    ],
  },
}

/** The group that leads to a server. */
export function strictGroup(name: string): string {
  return name.replaceAll(/\W/gu, "-")
}

/** A provider of that name with the server's model, as a target. */
export function strictTarget(
  config: Config,
  provider: string,
  { dialect = "chat", model, entry }: StrictServer,
  url: string,
): Json {
  const models = { m: { model, ...EVERYTHING, ...entry } }
  const base = { base_url: `${url}/v1`, dialect: SAMPLES[dialect].configName, auth_scheme: "none" }
  config.providers[provider] = { ...base, models }
  return { provider, model_ref: "m" }
}

/** A provider, a catalogue and a group for each server. */
export function addStrictServers(config: Config, urlOf: (name: string) => string): void {
  for (const [name, server] of Object.entries({ ...STRICT_SERVERS, ...STRICT_MESSAGES })) {
    const targets = [strictTarget(config, `strict-${strictGroup(name)}`, server, urlOf(name))]
    config.models[strictGroup(name)] = { strategy: "static", targets }
  }
}
