/** `smart-router restore`: puts a copy of the usage database in its place. */
import { resolve } from "node:path"
import { BackupRefused, restore } from "../ledger/sqlite/backup.ts"
import { systemClock } from "../system/clock.ts"
import { factsJson, factsText } from "./backup.ts"
import { EXIT, print, printError, readArguments, UsageError } from "./command.ts"
import { ChangeRefused } from "./token/config-file.ts"
import { usageDbOf } from "./usage-db.ts"

const HELP = `Put a copy of the usage database in its place, while no router runs on it.

Usage: smart-router restore FILE [--config FILE] [--json]

Options:
  FILE           the copy, made with smart-router backup
  --config FILE  the configuration; config.yaml in this folder by default
  --json         for machines
  -h, --help     show this

The command reads the whole copy first and refuses one that is damaged or from a newer version. The database that was
there is kept beside the new one, with its write-ahead log, which would otherwise be written into the restored file.
Finished calls in the spool are written at the next start. Calls from after the copy are not in the restored database:
limits count from what it holds.

Exit codes: 0 the copy is in place, 1 nothing was changed, 2 wrong arguments.

Examples:
  smart-router restore /backup/usage-2026-11-30.sqlite --config router/config.yaml`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config"], flags: ["json"], positionals: 1 })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const [backup] = options.positionals
  if (backup === undefined) throw new UsageError("Name the copy: smart-router restore FILE.")
  try {
    const { path, isPostgres, pid } = await usageDbOf(options.text("config"))
    if (isPostgres) {
      printError("The usage database is one of PostgreSQL: restore it with pg_restore.")
      return EXIT.failed
    }
    if (pid !== null) {
      printError(`A router runs on ${path} (process ${pid}): stop it first.`)
      return EXIT.failed
    }
    const time = new Date(systemClock.now()).toISOString().replaceAll(":", "-")
    const { facts, keptAt } = await restore(resolve(backup), path, `before-${time}`)
    const kept = keptAt === null ? "There was no database before." : `The database from before is kept as ${keptAt}.`
    const json = { file: path, kept_at: keptAt, ...factsJson(facts) }
    print(options.flag("json") ? JSON.stringify(json, null, 2) : `${path} is restored. ${kept}\n${factsText(facts)}`)
    return EXIT.ok
  } catch (error) {
    if (!(error instanceof BackupRefused || error instanceof ChangeRefused)) throw error
    printError(error.message)
    return EXIT.failed
  }
}
