/** A configuration that a command works with, without serving it. */
import { existsSync } from "node:fs"
import { compile } from "../config/compile/compile.ts"
import type { Config } from "../config/config.ts"
import { readShown } from "./load-shown.ts"
import type { Snapshot } from "../config/snapshot.ts"
import { openReader, type LedgerReader } from "../ledger/reader.ts"
import { systemClock } from "../system/clock.ts"
import { silentLog } from "../system/log.ts"
import { printError, UsageError } from "./command.ts"
import { pretty, sourceFor } from "./findings-text.ts"
import { givenEnvironment } from "./environment.ts"

export interface Loaded {
  readonly config: Config
  readonly snapshot: Snapshot
}

const DEFAULT_FILE = "config.yaml"

export function configPath(given: string | undefined): string {
  if (given === undefined && !existsSync(DEFAULT_FILE))
    throw new UsageError("There is no config.yaml in this folder. Name the file: --config FILE.")
  return given ?? DEFAULT_FILE
}

/** Null: it has errors, which were printed. */
export async function loadOrReport(
  path: string,
  change: (config: Config) => Config = (config) => config,
): Promise<Loaded | null> {
  const result = await readShown({ path, env: givenEnvironment() })
  const { findings, lineOf, callers } = result
  if (result.config === null || callers === null) {
    printError(pretty(path, findings, { source: sourceFor(process.stderr, path) }))
    return null
  }
  const config = change(result.config)
  return { config, snapshot: compile(config, { userAgent: "", lineOf, callers: callers.table }) }
}

/** The usage database of the configuration. Null: it cannot be read, and why was printed. */
export async function openedReader({ server }: Config): Promise<LedgerReader | null> {
  const { driver, path, dsn } = server.usage_db
  try {
    return await openReader(
      { path, dsn: driver === "postgres" ? dsn : undefined },
      {
        clock: systemClock,
        log: silentLog,
      },
    )
  } catch (error) {
    printError(error instanceof Error ? error.message : String(error))
    return null
  }
}
