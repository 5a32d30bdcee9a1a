/** The families of the metrics as OTLP: the same figures under OpenTelemetry's spelling. */
import type { FamilyType, FamilyWriter, Labels } from "../metrics/exposition.ts"
import type { Histogram } from "../metrics/histogram.ts"
import { keyOf, type MetricHead, type OtlpWriter, type PointTimes } from "./otlp.ts"

const UNITS: readonly (readonly [suffix: string, unit: string])[] = [
  ["_seconds", "s"],
  ["_bytes", "By"],
]

/** Writes nothing else with the writer until `end`. */
export class MetricsMessage implements FamilyWriter {
  readonly #out: OtlpWriter
  readonly #times: PointTimes
  /** Families without a sample are left out. */
  #next: MetricHead | null = null
  #isOpen = false
  #points = 0

  constructor(out: OtlpWriter, times: PointTimes) {
    this.#out = out
    this.#times = times
  }

  family(name: string, type: FamilyType, help: string): this {
    this.#endMetric()
    this.#next = { ...otlpName(name), type, description: help }
    return this
  }

  sample(labels: Labels, value: number): this {
    this.#beginMetric()
    this.#out.beginNumber(this.#times, value)
    this.#endPoint(labels)
    return this
  }

  histogram(labels: Labels, { bounds, counts, sum }: Histogram): this {
    this.#beginMetric()
    this.#out.beginHistogram(this.#times, { bounds, counts, sum })
    this.#endPoint(labels)
    return this
  }

  end(): { readonly bytes: Uint8Array; readonly points: number } {
    this.#endMetric()
    return { bytes: this.#out.take(), points: this.#points }
  }

  #beginMetric(): void {
    if (this.#next === null) return
    this.#out.beginMetric(this.#next)
    this.#next = null
    this.#isOpen = true
  }

  #endMetric(): void {
    if (this.#isOpen) this.#out.endMetric()
    this.#isOpen = false
  }

  #endPoint(labels: Labels): void {
    for (const [label, value] of Object.entries(labels))
      if (value !== "") this.#out.text(keyOf(attributeName(label)), value)
    this.#out.endPoint()
    this.#points++
  }
}

/** `smart_router_requests_total` is `smart_router.requests`; `gen_ai_` names have dots between all parts that the conventions part. */
export function otlpName(name: string): { readonly name: string; readonly unit: string } {
  const known = GEN_AI[name]
  if (known !== undefined) return known
  const counted = name.replace(/_total$/, "")
  const [suffix, unit] = UNITS.find(([end]) => counted.endsWith(end)) ?? ["", ""]
  const bare = counted.slice(0, counted.length - suffix.length)
  return { name: bare.replace(/^(smart_router|process)_/, "$1."), unit }
}

const GEN_AI: Readonly<Record<string, { readonly name: string; readonly unit: string }>> = {
  gen_ai_client_token_usage: { name: "gen_ai.client.token.usage", unit: "{token}" },
  gen_ai_client_operation_duration_seconds: { name: "gen_ai.client.operation.duration", unit: "s" },
  gen_ai_server_request_duration_seconds: { name: "gen_ai.server.request.duration", unit: "s" },
  gen_ai_server_time_to_first_token_seconds: { name: "gen_ai.server.time_to_first_token", unit: "s" },
  gen_ai_server_time_per_output_token_seconds: { name: "gen_ai.server.time_per_output_token", unit: "s" },
  gen_ai_client_inference_duration_seconds: { name: "gen_ai.client.inference.duration", unit: "s" },
  gen_ai_client_inference_time_to_first_chunk_seconds: {
    name: "gen_ai.client.inference.time_to_first_chunk",
    unit: "s",
  },
  gen_ai_client_inference_usage_input_tokens_total: {
    name: "gen_ai.client.inference.usage.input_tokens",
    unit: "{token}",
  },
  gen_ai_client_inference_usage_output_tokens_total: {
    name: "gen_ai.client.inference.usage.output_tokens",
    unit: "{token}",
  },
  gen_ai_client_inference_usage_cache_read_input_tokens_total: {
    name: "gen_ai.client.inference.usage.cache_read.input_tokens",
    unit: "{token}",
  },
  gen_ai_client_inference_usage_cache_write_input_tokens_total: {
    name: "gen_ai.client.inference.usage.cache_write.input_tokens",
    unit: "{token}",
  },
  gen_ai_client_inference_usage_reasoning_output_tokens_total: {
    name: "gen_ai.client.inference.usage.reasoning.output_tokens",
    unit: "{token}",
  },
  gen_ai_client_inference_operation_input_tokens: {
    name: "gen_ai.client.inference.operation.input_tokens",
    unit: "{token}",
  },
  gen_ai_client_inference_operation_output_tokens: {
    name: "gen_ai.client.inference.operation.output_tokens",
    unit: "{token}",
  },
}

const ATTRIBUTES: Readonly<Record<string, string>> = {
  error_type: "error.type",
  gen_ai_operation_name: "gen_ai.operation.name",
  gen_ai_provider_name: "gen_ai.provider.name",
  gen_ai_request_model: "gen_ai.request.model",
  gen_ai_token_type: "gen_ai.token.type",
  gen_ai_token_modality: "gen_ai.token.modality",
}

function attributeName(label: string): string {
  return ATTRIBUTES[label] ?? `smart_router.${label}`
}
