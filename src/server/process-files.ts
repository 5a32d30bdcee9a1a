/** The files that one process of the router has for itself: nobody else writes to them. */
import type { Config } from "../config/config.ts"

export interface ProcessFiles {
  readonly spoolPath: string
  /** Completed by the numbers of the segments. */
  readonly journalPath: string
  readonly controlPath: string
  readonly requestLogPath: string
}

/** Null: the only process. */
export type WorkerNumber = number | null

/** Routers that are no workers of one another may share a folder where they share a PostgreSQL, like spools. */
const SHARED_FOLDER = 64

/** Which reservations may be this process' own. */
export function journalPaths(
  { server }: Config,
  { journalPath }: ProcessFiles,
  worker: WorkerNumber,
): readonly string[] {
  if (worker !== null || server.usage_db.driver !== "postgres") return [journalPath]
  const others = Array.from(
    { length: SHARED_FOLDER - 1 },
    (_, index) => `${server.usage_db.path}.r${index + 2}.reservations`,
  )
  return [journalPath, ...others]
}

export function processFiles({ server }: Config, worker: WorkerNumber): ProcessFiles {
  const mark = worker === null ? "" : `.w${worker}`
  const base = server.usage_db.path + mark
  return {
    spoolPath: `${base}.spool`,
    journalPath: `${base}.reservations`,
    controlPath: `${base}.control`,
    requestLogPath: server.logging.path.replace(/(\.[^./]*)?$/, (extension) => mark + extension),
  }
}
