/**
 * The families of OpenTelemetry's GenAI conventions v0.1.0, spelt as Prometheus does:
 * https://github.com/open-telemetry/semantic-conventions-genai
 */
import { ERROR_CODES } from "./closed-lists.ts"
import type { FamilyWriter, Labels } from "./exposition.ts"
import type { Histogram } from "./histogram.ts"
import { INPUT_KINDS, MODALITIES, type ModelSeries } from "./series.ts"

const USAGE = "gen_ai_client_inference_usage_"
/** Nobody reports a kind by modality. */
const UNKNOWN: Labels = { gen_ai_token_modality: "unknown" }

export function writeInferences(out: FamilyWriter, models: readonly ModelSeries[]): void {
  out.family(
    "gen_ai_client_inference_duration_seconds",
    "histogram",
    "Duration of a call at its targets, over all attempts.",
  )
  for (const series of models)
    eachKind(series.inferences, ERROR_CODES.values, (error_type, histogram) =>
      out.histogram({ ...genAiLabels(series), error_type }, histogram),
    )
  out.family(
    "gen_ai_client_inference_time_to_first_chunk_seconds",
    "histogram",
    "Time from the first attempt to first content of streams.",
  )
  for (const series of models) writeFilled(out, genAiLabels(series), series.firstChunk)
  writeModalities(out, models, "input_tokens", "Input tokens, cached ones included.", (one) => one.inputModalities)
  writeModalities(out, models, "output_tokens", "Output tokens, reasoning included.", (one) => one.outputModalities)
  writeKind(out, models, "cache_read_input_tokens", "Input tokens that a cache of the provider served.", (series) =>
    ofKind(series, "cache_read"),
  )
  writeKind(
    out,
    models,
    "cache_write_input_tokens",
    "Input tokens that were written to a cache of the provider.",
    (series) => ofKind(series, "cache_write_5m") + ofKind(series, "cache_write_1h"),
  )
  writeKind(
    out,
    models,
    "reasoning_output_tokens",
    "Output tokens that were reasoning.",
    (series) => series.reasoningTokens,
  )
  out.family("gen_ai_client_inference_operation_input_tokens", "histogram", "Input tokens of a call.")
  for (const series of models) writeFilled(out, genAiLabels(series), series.input)
  out.family("gen_ai_client_inference_operation_output_tokens", "histogram", "Output tokens of a call.")
  for (const series of models) writeFilled(out, genAiLabels(series), series.output)
}

function ofKind({ inputKinds }: ModelSeries, name: (typeof INPUT_KINDS)[number]): number {
  return inputKinds[INPUT_KINDS.indexOf(name)] ?? 0
}

function writeModalities(
  out: FamilyWriter,
  models: readonly ModelSeries[],
  name: string,
  help: string,
  of: (series: ModelSeries) => Float64Array,
): void {
  out.family(`${USAGE}${name}_total`, "counter", help)
  for (const series of models)
    of(series).forEach((tokens, place) => {
      const gen_ai_token_modality = MODALITIES[place] ?? ""
      if (tokens > 0) out.sample({ ...genAiLabels(series), gen_ai_token_modality }, tokens)
    })
}

function writeKind(
  out: FamilyWriter,
  models: readonly ModelSeries[],
  name: string,
  help: string,
  of: (series: ModelSeries) => number,
): void {
  out.family(`${USAGE}${name}_total`, "counter", help)
  for (const series of models) {
    const tokens = of(series)
    if (tokens > 0) out.sample({ ...genAiLabels(series), ...UNKNOWN }, tokens)
  }
}

export function eachKind(
  histograms: readonly (Histogram | undefined)[],
  kinds: readonly string[],
  write: (kind: string, histogram: Histogram) => void,
): void {
  histograms.forEach((histogram, place) => {
    if (histogram !== undefined) write(kinds[place] ?? "", histogram)
  })
}

export function writeFilled(out: FamilyWriter, labels: Labels, histogram: Histogram): void {
  if (histogram.count > 0) out.histogram(labels, histogram)
}

export function genAiLabels({ group, provider, model }: ModelSeries): Labels {
  return { gen_ai_operation_name: "chat", gen_ai_provider_name: provider, gen_ai_request_model: model, group }
}
