/** TLS files of providers: they must be readable when the configuration is loaded, not when the first call comes. */
import type { Config } from "./config.ts"
import type { Report } from "./findings.ts"
import { whyUnreadable, type ReadFile } from "./sources.ts"

const KEYS = ["ca_file", "cert_file", "key_file"] as const

/** Absolute paths of the TLS files that active targets need. */
export function reportProviderFiles(config: Config, readFile: ReadFile, report: Report): readonly string[] {
  const used = new Set(Object.values(config.models).flatMap((group) => group.targets.map((target) => target.provider)))
  const files: string[] = []
  for (const [name, provider] of Object.entries(config.providers)) {
    for (const key of used.has(name) ? KEYS : []) {
      const file = provider.tls?.[key]
      if (file === undefined) continue
      files.push(file)
      try {
        readFile(file)
      } catch (error) {
        const path = ["providers", name, "tls", key]
        report({ code: "unreadable-file", path, message: `This file cannot be read: ${whyUnreadable(error)}.` })
      }
    }
  }
  return files
}
