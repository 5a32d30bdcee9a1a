/** The address of a PostgreSQL usage database: what is wrong with it is said without its text, which may hold a password. */
import { isAbsolute } from "node:path"
import type { Config } from "../config.ts"
import type { Report } from "../findings.ts"
import { whyUnreadable, type ReadFile } from "../read/sources.ts"

const KEYS = ["dsn", "report_dsn"] as const
type Key = (typeof KEYS)[number]
const EXPECTED = "postgres://user:password@host:5432/database?sslmode=verify-full"
const MODES = ["disable", "require", "verify-ca", "verify-full"]
const FILES = ["sslrootcert", "sslcert", "sslkey"]
/** This machine, or a socket in its file system. */
const LOCAL = /^(localhost|127(\.\d{1,3}){3}|\[::1\]|(%2f.*)?)$/i

/** Absolute paths of the TLS files that the addresses name. */
export function reportDatabaseAddress(config: Config, readFile: ReadFile, report: Report): readonly string[] {
  if (config.server.usage_db.driver !== "postgres") return []
  return KEYS.flatMap((key) => reportAddress(config, key, readFile, report))
}

function reportAddress(config: Config, key: Key, readFile: ReadFile, report: Report): readonly string[] {
  const dsn = config.server.usage_db[key]
  const path = pathOf(key)
  if (dsn === undefined) return []
  const url = URL.canParse(dsn) ? new URL(dsn) : null
  const fault = url === null ? "This is no address of a PostgreSQL database." : faultOf(url)
  if (url === null || fault !== null) {
    report({ code: "invalid-value", path, message: fault ?? "", expected: EXPECTED })
    return []
  }
  const mode = url.searchParams.get("sslmode") ?? "disable"
  if (mode === "disable" && !LOCAL.test(url.hostname)) {
    const message = "The password and the rows travel without TLS."
    report({ severity: "warning", code: "cleartext-database", path, message, expected: "sslmode=verify-full" })
  }
  const files = FILES.flatMap((name) => url.searchParams.get(name) ?? [])
  for (const file of files) reportUnreadable(file, key, readFile, report)
  return files
}

function pathOf(key: Key): readonly ["server", "usage_db", Key] {
  return ["server", "usage_db", key]
}

function faultOf(url: URL): string | null {
  if (!/^postgres(ql)?:$/.test(url.protocol)) return "This is no address of a PostgreSQL database."
  if (url.hostname.includes(",")) return "The address names several hosts; name one that leads to the primary."
  if (url.pathname.length < 2) return "The address names no database."
  const mode = url.searchParams.get("sslmode")
  if (mode !== null && !MODES.includes(mode)) return `sslmode is one of ${MODES.join(", ")}.`
  if (mode === "verify-ca" && !url.searchParams.has("sslrootcert")) return "sslmode=verify-ca needs sslrootcert."
  const relative = FILES.find((name) => !isAbsolute(url.searchParams.get(name) ?? "/"))
  return relative === undefined ? null : `${relative} must be an absolute path.`
}

function reportUnreadable(file: string, key: Key, readFile: ReadFile, report: Report): void {
  try {
    readFile(file)
  } catch (error) {
    const message = `A TLS file of the address cannot be read: ${whyUnreadable(error)}.`
    report({ code: "unreadable-file", path: pathOf(key), message })
  }
}
