/**
 * Bounds of the histograms, in seconds, tokens or calls. Those of the `gen_ai` families are the ones that OpenTelemetry asks for:
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/
 */

/** `gen_ai.client.token.usage`. */
export const TOKENS: readonly number[] = Array.from({ length: 14 }, (_, power) => 4 ** power)
/** `gen_ai.client.operation.duration`, `gen_ai.client.inference.duration`, its `time_to_first_chunk`, `gen_ai.server.request.duration`. */
export const DURATION_S: readonly number[] = Array.from({ length: 14 }, (_, power) => 2 ** power / 100)
/** `gen_ai.server.time_to_first_token`. */
export const FIRST_TOKEN_S: readonly number[] = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]
/** `gen_ai.server.time_per_output_token`. */
export const OUTPUT_TOKEN_S: readonly number[] = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]
/** What the router itself takes: most of it far below a millisecond. */
export const OVERHEAD_S: readonly number[] = [
  0.000_05, 0.000_1, 0.000_2, 0.000_4, 0.000_8, 0.001_6, 0.003_2, 0.006_4, 0.012_8, 0.025_6, 0.051_2, 0.1, 0.25, 1,
]
export const COMMIT_S: readonly number[] = [
  0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2,
]
export const GROUP_CALLS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128]
