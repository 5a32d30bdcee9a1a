/** `smart-router backup`: a verified copy of the usage database, made while the router runs. */
import { resolve } from "node:path"
import { backUp, BackupRefused, type BackupFacts } from "../ledger/sqlite/backup.ts"
import { EXIT, print, printError, readArguments, UsageError } from "./command.ts"
import { ChangeRefused } from "./token/config-file.ts"
import { usageDbOf } from "./usage-db.ts"

const HELP = `Copy the usage database of SQLite, while the router runs, and verify the copy.

Usage: smart-router backup FILE [--config FILE] [--json]

Options:
  FILE           the copy; it must not be there yet
  --config FILE  the configuration; config.yaml in this folder by default
  --json         for machines
  -h, --help     show this

The copy holds all calls of one moment and needs no other file. Calls go on meanwhile. The command reads the whole copy
back before it says that it is there. A usage database of PostgreSQL is backed up with pg_dump.

Exit codes: 0 the copy is there and sound, 1 it is not, 2 wrong arguments.

Examples:
  smart-router backup /backup/usage-$(date +%F).sqlite --config router/config.yaml
  smart-router restore /backup/usage-2026-11-30.sqlite --config router/config.yaml`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config"], flags: ["json"], positionals: 1 })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const [target] = options.positionals
  if (target === undefined) throw new UsageError("Name the file to write: smart-router backup FILE.")
  try {
    const { path, isPostgres } = await usageDbOf(options.text("config"))
    if (isPostgres) {
      printError("The usage database is one of PostgreSQL: back it up with pg_dump --format=custom.")
      return EXIT.failed
    }
    const facts = await backUp(path, resolve(target))
    print(
      options.flag("json")
        ? JSON.stringify({ file: resolve(target), ...factsJson(facts) }, null, 2)
        : `${target} is there.\n${factsText(facts)}`,
    )
    return EXIT.ok
  } catch (error) {
    if (!(error instanceof BackupRefused || error instanceof ChangeRefused)) throw error
    printError(error.message)
    return EXIT.failed
  }
}

export function factsJson({ version, calls, newestMs, bytes, sha256 }: BackupFacts): object {
  const newest_call = newestMs === null ? null : new Date(newestMs).toISOString()
  return { schema_version: version, calls, newest_call, bytes, sha256 }
}

export function factsText({ version, calls, newestMs, bytes, sha256 }: BackupFacts): string {
  return [
    `calls          ${calls}${newestMs === null ? "" : `, the newest of ${new Date(newestMs).toISOString()}`}`,
    `schema         version ${version}`,
    `size           ${bytes} bytes`,
    `sha256         ${sha256}`,
  ].join("\n")
}
