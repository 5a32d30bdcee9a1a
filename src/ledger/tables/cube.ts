/** Columns of the cube, which reports are added up from (`cube/`). */
import type { Columns } from "../column.ts"

export const USAGE_CUBE_BATCHES: Columns = {
  id: ["integer", "Grows; the newest batch stays when others are merged, so that no id is used twice."],
  cells: ["integer", "How many cells `data` holds at most."],
  kept: ["text?", "Ids of the calls of `data` that count, separated by spaces; null: all of them."],
  data: ["bytes", "The cells of one transaction."],
}

export const USAGE_CUBE_SEGMENTS: Columns = {
  id: ["integer", "Names the segment."],
  version: ["integer", "Of the format."],
  level: ["integer", "Grows with the number of cells."],
  folded: ["flag", "1 where cells hold several calls of a quarter of an hour, and no ids."],
  first_ms: ["milliseconds", "When the first call of the segment began, Unix milliseconds."],
  last_ms: ["milliseconds", "When the last call of the segment began, Unix milliseconds."],
  cells: ["integer", "How many cells there are."],
  most_nano_usd: ["integer", "The largest cost of one cell, nano-USD."],
  most_latency_ms: ["milliseconds", "The largest latency of one cell."],
}

export const USAGE_CUBE_COLUMNS: Columns = {
  segment_id: ["integer", "The segment."],
  name: ["text", "The dimension, measure or histogram."],
  data: ["bytes", "Its values for all cells of the segment, compressed."],
}

export const USAGE_CUBE_FILL: Columns = {
  id: ["integer", "1: the only row."],
  after_id: ["text", "Up to which request id the rows that are older than the cube were taken into it."],
  done_at: ["integer", "When all were, Unix milliseconds; 0 until then."],
}
