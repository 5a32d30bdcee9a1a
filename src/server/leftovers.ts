/**
 * What processes left that there are no more: after a change of `server.workers` nobody would look at their spools and
 * reservations again. Called before anything is opened.
 */
import { readdirSync, rmSync } from "node:fs"
import { basename, dirname } from "node:path"
import type { Config } from "../config/config.ts"
import type { LedgerStore } from "../ledger/open.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { bookJournal } from "./govern.ts"
import { processFiles, type ProcessFiles, type WorkerNumber } from "./process-files.ts"

export interface Leftovers {
  readonly config: Config
  /** The processes that there are. */
  readonly workers: readonly WorkerNumber[]
  readonly openStore: (files: ProcessFiles) => Promise<LedgerStore>
  readonly clock: Clock
  readonly log: Log
}

const OWN_FILE = /^(?:\.w(\d+))?\.(?:spool|reservations\.\d+)$/

export async function recoverLeftovers({ config, workers, openStore, clock, log }: Leftovers): Promise<void> {
  for (const worker of leftBehind(config.server.usage_db.path)) {
    if (workers.includes(worker)) continue
    const files = processFiles(config, worker)
    try {
      await recover(files, { openStore, clock, log })
      log.info("what an earlier process left is in the usage database", { worker })
    } catch (error) {
      log.error("what an earlier process left cannot be read; the next start tries again", { worker, error })
    }
  }
}

async function recover(
  files: ProcessFiles,
  { openStore, clock, log }: Pick<Leftovers, "openStore" | "clock" | "log">,
): Promise<void> {
  const ledger = await openStore(files)
  try {
    await bookJournal(files.journalPath, ledger, clock, log)
    await ledger.caughtUp()
    if (ledger.status().spooledBytes > 0) throw new Error("the usage database does not take what is spooled")
  } finally {
    await ledger.close()
  }
  const { spoolPath, journalPath } = files
  for (const path of [spoolPath, `${spoolPath}.lock`, `${journalPath}.lock`]) rmSync(path, { force: true })
}

function leftBehind(usageDbPath: string): ReadonlySet<WorkerNumber> {
  const name = basename(usageDbPath)
  const found = filesIn(dirname(usageDbPath)).flatMap((file): WorkerNumber[] => {
    const match = file.startsWith(name) ? OWN_FILE.exec(file.slice(name.length)) : null
    if (match === null) return []
    return [match[1] === undefined ? null : Number(match[1])]
  })
  return new Set(found)
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
