/** The usage database of a configuration, for commands that work on the database itself. */
import { resolve } from "node:path"
import { mapping } from "../config/read/outline.ts"
import { controlPath } from "../server/control.ts"
import { loadText, readConfigText, usageDbPathOf } from "./token/config-file.ts"
import { configPath } from "./loaded.ts"
import { statusAt } from "./running-router.ts"

export interface UsageDb {
  /** Of SQLite; beside it stand the control socket, the spool and the journals. */
  readonly path: string
  readonly isPostgres: boolean
  /** Of PostgreSQL. Undefined also where the configuration has no meaning as a whole here: secrets may be missing. */
  readonly dsn: string | undefined
  /** Of the router that runs on it here; null: none does. */
  readonly pid: number | null
}

/** @throws ChangeRefused where the configuration cannot be read */
export async function usageDbOf(given: string | undefined): Promise<UsageDb> {
  const file = resolve(configPath(given))
  const text = readConfigText(file)
  const result = loadText(file, text)
  const path = usageDbPathOf(file, text, result)
  const said = mapping(mapping(mapping(result.tree)["server"])["usage_db"])
  return {
    path,
    isPostgres: said["driver"] === "postgres",
    dsn: result.config?.server.usage_db.dsn,
    pid: await pidAt(path),
  }
}

async function pidAt(path: string): Promise<number | null> {
  try {
    return (await statusAt(controlPath(path))).pid
  } catch {
    return null
  }
}
