/** The tables of the cube. */

/**
 * What single transactions added, until it is merged. `kept`: ids of the calls of `data` that count, separated by spaces;
 * null: all of them. `cells`: how many there are at most. The newest batch stays when others are merged, so that no id is
 * used twice.
 */
const BATCHES = `CREATE TABLE usage_cube_batches (
  id INTEGER PRIMARY KEY NOT NULL, cells INTEGER NOT NULL, kept TEXT, data BLOB NOT NULL
)`

/**
 * Merged cells. `level` grows with their number, `folded` is 1 where cells hold several calls of a quarter of an hour and
 * no ids. Unix milliseconds of the first and the last cell; the largest cost and latency of one.
 */
const SEGMENTS = `CREATE TABLE usage_cube_segments (
  id INTEGER PRIMARY KEY NOT NULL, version INTEGER NOT NULL, level INTEGER NOT NULL, folded INTEGER NOT NULL,
  first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, cells INTEGER NOT NULL,
  most_nano_usd INTEGER NOT NULL, most_latency_ms INTEGER NOT NULL
)`

const COLUMNS = `CREATE TABLE usage_cube_columns (
  segment_id INTEGER NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (segment_id, name)
)`

/**
 * One row: how far the rows that are older than the cube were taken into it. `after_id`: the last request id that was;
 * `done_at`: 0 until all were.
 */
const FILL = `CREATE TABLE usage_cube_fill (
  id INTEGER NOT NULL PRIMARY KEY, after_id TEXT NOT NULL, done_at INTEGER NOT NULL
)`
const BEGIN_FILL = "INSERT INTO usage_cube_fill VALUES (1, '', 0)"

export const USAGE_CUBE: readonly string[] = [BATCHES, SEGMENTS, COLUMNS, FILL, BEGIN_FILL]
