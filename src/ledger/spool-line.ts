/**
 * One call as a line of the spool: `<crc32> <generation> <json>\n`. The checksum tells a torn line from a whole one,
 * the generation tells lines of this filling of the file from what an earlier one left behind them.
 */
import type { CallRecord } from "./record.ts"

export interface SpooledCall {
  readonly generation: string
  readonly call: CallRecord
}

/** Parts that earlier versions did not write. */
type LaterPart = "losses" | "upstreamShapes" | "callerShapes" | "decision"
type Spooled = Omit<CallRecord, LaterPart> & Partial<Pick<CallRecord, LaterPart>>

const CRC_LENGTH = 8

/** Columns that an earlier version did not know, as they are where nothing limits a call. */
export const LATER_COLUMNS = {
  quota_state: null,
  key_state: null,
  traffic_shape_applied: 0,
  traffic_shape_decision: null,
  traffic_shape_scope: null,
  traffic_shape_bucket: null,
  traffic_shape_retry_after_ms: null,
  traffic_shape_queue_wait_ms: null,
  traffic_shape_estimated_input_tokens: null,
  traffic_shape_reserved_output_tokens: null,
  traffic_shape_total_reserved_tokens: null,
  estimated_input_tokens: null,
  limit_tokens: null,
  limit_nano_usd: null,
  books_request_id: null,
  input_image_tokens: null,
  input_audio_tokens: null,
  output_image_tokens: null,
  output_audio_tokens: null,
  image_input_price_nano_usd_per_million: null,
  image_input_price_nano_usd_per_image: null,
  audio_input_price_nano_usd_per_million: null,
  image_output_price_nano_usd_per_million: null,
  audio_output_price_nano_usd_per_million: null,
  hosted_tool_uses: null,
  hosted_tool_cost_nano_usd: null,
  speed: null,
  inference_geo: null,
  upstream_reported_input_cost_nano_usd: null,
  upstream_reported_output_cost_nano_usd: null,
  cost_unknown_reason: null,
} as const

export function encodeLine(generation: string, call: CallRecord): Buffer {
  const body = Buffer.from(`${generation} ${JSON.stringify(call)}`)
  return Buffer.concat([Buffer.from(`${checksum(body)} `), body, Buffer.from("\n")])
}

/** `line` without its newline. Null: torn, foreign or empty. */
export function decodeLine(line: Buffer): SpooledCall | null {
  const body = line.subarray(CRC_LENGTH + 1)
  if (body.length === 0 || line.toString("latin1", 0, CRC_LENGTH) !== checksum(body)) return null
  const space = body.indexOf(0x20)
  const spooled = JSON.parse(body.toString("utf8", space + 1)) as Spooled
  return {
    generation: body.toString("latin1", 0, space),
    call: {
      losses: [],
      upstreamShapes: [],
      callerShapes: [],
      decision: null,
      ...spooled,
      usage: { ...LATER_COLUMNS, ...spooled.usage },
    },
  }
}

function checksum(body: Buffer): string {
  return Bun.hash.crc32(body).toString(16).padStart(CRC_LENGTH, "0")
}
