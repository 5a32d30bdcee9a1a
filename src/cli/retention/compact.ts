/** `smart-router retention compact`: rewrites a SQLite file, so that it is small now and can shrink from now on. */
import { Database } from "bun:sqlite"
import { existsSync, statSync } from "node:fs"
import { controlPath } from "../../server/control.ts"
import { type Arguments, EXIT, print, printError } from "../command.ts"
import { configPath, loadOrReport } from "../loaded.ts"
import { statusAt } from "../running-router.ts"

const MEGABYTE = 1_048_576

export async function compactDatabase(options: Arguments): Promise<number> {
  const found = await loadOrReport(configPath(options.text("config")))
  if (found === null) return EXIT.failed
  const { driver, path } = found.config.server.usage_db
  const refusal = await refusalOf(driver, path)
  if (refusal !== null) {
    printError(refusal)
    return EXIT.failed
  }
  const before = statSync(path).size
  try {
    rewrite(path)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    printError(
      `The usage database was not rewritten, and is as it was: ${reason}. It needs its own size once more on the disk.`,
    )
    return EXIT.failed
  }
  const after = statSync(path).size
  if (options.flag("json")) print(JSON.stringify({ bytes_before: before, bytes_after: after }))
  else print(`Rewritten: ${megabytes(before)} MB before, ${megabytes(after)} MB now. It gives space back from now on.`)
  return EXIT.ok
}

async function refusalOf(driver: string, path: string): Promise<string | null> {
  if (driver === "postgres") return "PostgreSQL gives space back by itself (autovacuum): there is nothing to do."
  if (!existsSync(path)) return `There is no file ${path}.`
  try {
    const { pid } = await statusAt(controlPath(path))
    return `A router uses the database (process ${pid}): stop it first, because nobody can write meanwhile.`
  } catch {
    return null
  }
}

/** One statement, all or nothing: a kill leaves the file as it was. */
function rewrite(path: string): void {
  using database = new Database(path, { readwrite: true })
  database.run("PRAGMA busy_timeout=5000")
  database.run("PRAGMA auto_vacuum=INCREMENTAL")
  database.run("VACUUM")
  database.run("PRAGMA wal_checkpoint(TRUNCATE)")
}

function megabytes(bytes: number): string {
  return (bytes / MEGABYTE).toFixed(1)
}
