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
