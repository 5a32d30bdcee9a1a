/** What only the machine can tell of a configuration: may others read its secrets, can its files be made? */
import { accessSync, constants, statSync, type Stats } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import type { Config } from "../config/config.ts"
import type { Finding } from "../config/findings.ts"
import type { LoadResult } from "../config/load.ts"
import { formatPath } from "../config/findings.ts"

export function placeFindings(file: string, { config, written, positionOf }: LoadResult): readonly Finding[] {
  const found: Finding[] = []
  const path = resolve(file)
  const first = written[0]
  if (first !== undefined && othersRead(path)) {
    const more = written.length === 1 ? "" : ` (${written.length - 1} more)`
    found.push({
      severity: "warning",
      code: "readable-secret",
      path: formatPath(first),
      message: `A secret stands in the configuration itself${more}, and every user of this machine can read the file.`,
      expected: "${NAME}, with the value in env.json or the environment; or chmod 600",
      ...positionOf(first),
    })
  }
  const envFile = join(dirname(path), "env.json")
  if (othersRead(envFile)) {
    const message = "Every user of this machine can read env.json beside the configuration."
    const at = { path: "", line: 1, column: 1 }
    found.push({
      severity: "warning",
      code: "readable-secret",
      message,
      expected: `chmod 600 ${basename(envFile)}`,
      ...at,
    })
  }
  return config === null ? found : [...found, ...uncreatable(config, positionOf)]
}

const READ_BY_OTHERS = 0o004

function othersRead(path: string): boolean {
  try {
    return (statSync(path).mode & READ_BY_OTHERS) !== 0
  } catch {
    return false
  }
}

function uncreatable({ server }: Config, positionOf: LoadResult["positionOf"]): readonly Finding[] {
  const places = [
    { at: ["server", "usage_db", "path"], path: server.usage_db.path },
    { at: ["server", "logging", "path"], path: server.logging.path },
  ]
  return places.flatMap(({ at, path }): Finding[] => {
    const why = whyUncreatable(path)
    if (why === null) return []
    return [{ ...why, code: "uncreatable-path", path: formatPath(at), ...positionOf(at) }]
  })
}

/** Null: as far as this user can tell, the file is there or can be made. */
function whyUncreatable(path: string): Pick<Finding, "severity" | "message"> | null {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const stats = statsOf(folder)
    if (stats === null && folder !== dirname(folder)) continue
    if (stats?.isDirectory() !== true)
      return { severity: "error", message: `The file cannot be made: ${folder} is no folder.` }
    return mayWrite(folder)
      ? null
      : { severity: "warning", message: `You cannot write into ${folder}; the user of the router must.` }
  }
}

/** Null: it is not there, or what it should stand in is no folder. */
function statsOf(path: string): Stats | null {
  try {
    return statSync(path)
  } catch {
    return null
  }
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}
