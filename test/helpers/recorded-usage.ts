/** What a recorded answer says about its usage, read by each vendor's convention: the ledger's columns, worked out a second time. */
import type { Recording } from "./recordings.ts"
import { answerBytes } from "./recordings.ts"
import type { Dialect } from "./samples.ts"
import { at, framesOf, jsonOf } from "./streams.ts"

export interface ExpectedUsage {
  readonly input_tokens: number
  readonly fresh_input_tokens: number
  readonly cached_input_tokens: number
  readonly cache_write_5m_tokens: number
  readonly cache_write_1h_tokens: number
  readonly output_tokens: number
  readonly reasoning_tokens: number | null
}

export interface ExpectedFacts {
  /** Null when the answer reports none. */
  readonly usage: ExpectedUsage | null
  readonly stopReason: string | null
  readonly reportedCostUsd: number | null
}

export function factsOf(recording: Recording): ExpectedFacts {
  const body = answerBytes(recording).toString()
  const objects = recording.stream ? framesOf(body).map(jsonOf) : [JSON.parse(body) as unknown]
  return READERS[recording.dialect](objects)
}

const READERS: Readonly<Record<Dialect, (objects: readonly unknown[]) => ExpectedFacts>> = {
  chat: chatFacts,
  responses: responsesFacts,
  messages: messagesFacts,
}

function count(value: unknown): number | null {
  return typeof value === "number" ? value : null
}

function text(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null
}

function last<T>(values: readonly (T | null | undefined)[]): T | null {
  return values.findLast((value) => value !== null && value !== undefined) ?? null
}

/** Cached and written tokens are part of the input that the vendor reports; reasoning is part of the output. */
function inclusive(
  input: number,
  cached: number,
  written: number,
  output: number,
  reasoning: number | null,
): ExpectedUsage {
  return {
    input_tokens: input,
    fresh_input_tokens: input - cached - written,
    cached_input_tokens: cached,
    cache_write_5m_tokens: written,
    cache_write_1h_tokens: 0,
    output_tokens: output,
    reasoning_tokens: reasoning,
  }
}

/** Chat: the last usage counts. xAI counts reasoning beside the completion, which shows in its total only. */
function chatFacts(chunks: readonly unknown[]): ExpectedFacts {
  const usage = last(chunks.map((chunk) => at(chunk, "usage") ?? at(chunk, "x_groq", "usage")))
  const stopReason = last(chunks.map((chunk) => text(at(chunk, "choices", 0, "finish_reason"))))
  if (usage === null) return { usage: null, stopReason, reportedCostUsd: null }
  const input = count(at(usage, "prompt_tokens")) ?? 0
  const completion = count(at(usage, "completion_tokens")) ?? 0
  const reasoning =
    count(at(usage, "completion_tokens_details", "reasoning_tokens")) ?? count(at(usage, "reasoning_tokens"))
  const beside = reasoning !== null && at(usage, "total_tokens") === input + completion + reasoning ? reasoning : 0
  const cached =
    count(at(usage, "prompt_tokens_details", "cached_tokens")) ??
    count(at(usage, "prompt_cache_hit_tokens")) ??
    count(at(usage, "cached_tokens")) ??
    count(at(usage, "num_cached_tokens")) ??
    0
  const written = count(at(usage, "prompt_tokens_details", "cache_write_tokens")) ?? 0
  const ticks = count(at(usage, "cost_in_usd_ticks"))
  return {
    usage: inclusive(input, cached, written, completion + beside, reasoning),
    stopReason,
    reportedCostUsd: count(at(usage, "cost")) ?? (ticks === null ? null : ticks / 1e10),
  }
}

function responsesFacts(objects: readonly unknown[]): ExpectedFacts {
  const responses = objects.map((object) => (at(object, "object") === "response" ? object : at(object, "response")))
  const final = last(responses)
  const usage = last(responses.map((response) => at(response, "usage")))
  const stopReason = text(at(final, "incomplete_details", "reason")) ?? text(at(final, "status"))
  if (usage === null) return { usage: null, stopReason, reportedCostUsd: null }
  const input = count(at(usage, "input_tokens")) ?? 0
  const cached = count(at(usage, "input_tokens_details", "cached_tokens")) ?? 0
  const written = count(at(usage, "input_tokens_details", "cache_write_tokens")) ?? 0
  const reasoning = count(at(usage, "output_tokens_details", "reasoning_tokens"))
  return {
    usage: inclusive(input, cached, written, count(at(usage, "output_tokens")) ?? 0, reasoning),
    stopReason,
    reportedCostUsd: count(at(usage, "cost")),
  }
}

/** Messages: later fields overwrite earlier ones; where `iterations` lists rounds, each of them was billed. */
function messagesFacts(objects: readonly unknown[]): ExpectedFacts {
  const said = objects.flatMap((object) => [at(object, "usage"), at(object, "message", "usage")])
  const usage: unknown = Object.assign({}, ...said.filter((value) => typeof value === "object"))
  const reasons = objects.flatMap((object) => [object, at(object, "message"), at(object, "delta")])
  const stopReason = last(reasons.map((holder) => text(at(holder, "stop_reason"))))
  if (count(at(usage, "output_tokens")) === null) return { usage: null, stopReason, reportedCostUsd: null }
  const listed = at(usage, "iterations")
  const rounds: readonly unknown[] = Array.isArray(listed) && listed.length > 0 ? listed : [usage]
  const sum = (read: (round: unknown) => number | null): number =>
    rounds.reduce<number>((total, round) => total + (read(round) ?? 0), 0)
  const fresh = sum((round) => count(at(round, "input_tokens")))
  const cached = sum((round) => count(at(round, "cache_read_input_tokens")))
  const written = sum((round) => count(at(round, "cache_creation_input_tokens")))
  const long = sum((round) => count(at(round, "cache_creation", "ephemeral_1h_input_tokens")))
  return {
    usage: {
      input_tokens: fresh + cached + written,
      fresh_input_tokens: fresh,
      cached_input_tokens: cached,
      cache_write_5m_tokens: written - long,
      cache_write_1h_tokens: long,
      output_tokens: sum((round) => count(at(round, "output_tokens"))),
      reasoning_tokens: count(at(usage, "output_tokens_details", "thinking_tokens")),
    },
    stopReason,
    reportedCostUsd: null,
  }
}
