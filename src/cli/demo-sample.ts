/** The month of sample data that a new demo gets: invented calls up to the day before, in the usage database and its configuration. */
import { readFileSync, writeFileSync } from "node:fs"
import { keepTags } from "../ledger/caller-tags.ts"
import type { CallRecord } from "../ledger/record.ts"
import { SecurityEvents } from "../ledger/security-events.ts"
import { SqliteDatabase } from "../ledger/sqlite/database.ts"
import { PROGRAMS } from "../sample/company.ts"
import { sampleMonth } from "../sample/month.ts"
import { SAMPLE_TAG } from "../sample/mark.ts"
import { sampleSecurityEvents } from "../sample/security.ts"
import { DAY_MS, storyUntil } from "../sample/story.ts"
import type { CallTaker } from "../server/take-in.ts"
import { type Clock, systemClock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { isCode, OWNER_FILE } from "../system/owner-only.ts"
import { Progress } from "./progress.ts"

export interface SampleState {
  readonly path: string
  /** The month ends with the day before this midnight, Unix milliseconds, UTC. */
  readonly untilMs: number
  /** All of it is in the usage database. */
  readonly isDone: boolean
}

const CHECKPOINT_PAGES = 4096

/** Says in a new folder that it gets sample data. What is said there already counts. */
export function beginSample(path: string, nowMs: number): void {
  try {
    writeState({ path, untilMs: Math.floor(nowMs / DAY_MS) * DAY_MS, isDone: false }, "wx")
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error
  }
}

/** Null: the folder gets none. @throws Error where the file is none of ours */
export function sampleStateAt(path: string): SampleState | null {
  let text: string
  try {
    text = readFileSync(path, "utf8")
  } catch (error) {
    if (isCode(error, "ENOENT")) return null
    throw error
  }
  const { until, done } = JSON.parse(text) as { readonly until?: unknown; readonly done?: unknown }
  const untilMs = Date.parse(String(until))
  if (Number.isNaN(untilMs) || typeof done !== "boolean") throw new Error(`${path} cannot be read: delete it`)
  return { path, untilMs, isDone: done }
}

/** What stands in no call: tags of callers and security events. Before a router uses the database. */
export async function prepareSample({ untilMs }: SampleState, databasePath: string, log: Log): Promise<void> {
  let nowMs = 0
  const clock: Clock = { ...systemClock, now: () => nowMs }
  const options = { path: databasePath, clock, log, checkpointPages: CHECKPOINT_PAGES, onMigration: () => {} }
  const database = new SqliteDatabase(options)
  nowMs = storyUntil(untilMs).startMs
  await database.reopen()
  try {
    // an earlier start may have written them, and configurations have ended others since
    const known = database.query("SELECT name FROM caller_tags WHERE name = ?1 LIMIT 1", [SAMPLE_TAG.name])
    if (known.length === 0) await keepTags(database, new Map(PROGRAMS.map(({ id, tags }) => [id, tags])), nowMs)
    const security = new SecurityEvents(database, clock, log)
    for (const { ts, times, event } of sampleSecurityEvents(untilMs)) {
      nowMs = ts
      for (let time = 0; time < times; time += 1) security.note(event)
      await security.flush()
    }
    await security.close()
  } finally {
    await database.close()
  }
}

/** Beside a running router. Resolves with how many calls there are; null where the router stopped before all were written. */
export async function writeSample(
  state: SampleState,
  router: CallTaker,
  progress: Pick<Progress, "show" | "end"> = new Progress(),
): Promise<number | null> {
  const { startMs } = storyUntil(state.untilMs)
  let calls = 0
  const counted = function* (): Generator<readonly CallRecord[]> {
    for (const group of sampleMonth(state.untilMs)) {
      calls += group.length
      const ts = group.at(-1)?.usage.ts ?? startMs
      progress.show((ts - startMs) / (state.untilMs - startMs), "sample data is written")
      yield group
    }
  }
  try {
    if (!(await router.takeIn(counted()))) return null
  } finally {
    progress.end()
  }
  writeState({ ...state, isDone: true }, "w")
  return calls
}

function writeState({ path, untilMs, isDone }: SampleState, flag: "w" | "wx"): void {
  const state = { about: SAMPLE_ABOUT, until: new Date(untilMs).toISOString(), done: isDone }
  writeFileSync(path, `${JSON.stringify(state, null, 2)}\n`, { flag, mode: OWNER_FILE })
}

const SAMPLE_ABOUT = `Sample data: invented calls of the thirty days before. Their callers have the tag ${SAMPLE_TAG.name}.`
