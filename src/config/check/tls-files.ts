/** TLS files: they must be readable when the configuration is loaded, not when the first call comes. */
import type { Config, ProviderTls } from "../config.ts"
import type { Report } from "../findings.ts"
import type { Path } from "../schema/inspect.ts"
import { whyUnreadable, type ReadFile } from "../read/sources.ts"

const KEYS = ["ca_file", "cert_file", "key_file"] as const

/** Absolute paths of the TLS files that active targets and the shared state need. */
export function reportTlsFiles(config: Config, readFile: ReadFile, report: Report): readonly string[] {
  const used = new Set(Object.values(config.models).flatMap((group) => group.targets.map((target) => target.provider)))
  const places: (readonly [tls: ProviderTls | undefined, path: Path])[] = []
  for (const [name, { tls }] of Object.entries(config.providers))
    if (used.has(name)) places.push([tls, ["providers", name, "tls"]])
  const { driver, tls } = config.server.state
  if (driver === "redis") places.push([tls, ["server", "state", "tls"]])
  const files: string[] = []
  for (const [block, path] of places)
    for (const key of KEYS) {
      const file = block?.[key]
      if (file === undefined) continue
      files.push(file)
      try {
        readFile(file)
      } catch (error) {
        const message = `This file cannot be read: ${whyUnreadable(error)}.`
        report({ code: "unreadable-file", path: [...path, key], message })
      }
    }
  return files
}
