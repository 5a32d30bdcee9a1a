/** Keys of the response cache that say something which nothing acts on. */
import type { Config } from "../config.ts"
import type { Report } from "../findings.ts"

export function adviseOnCache({ server, models }: Config, report: Report): void {
  const { enabled, streams, shared } = server.cache
  const warn = (path: readonly (string | number)[], message: string, expected: string): void =>
    report({ severity: "warning", code: "not-active", path, message, expected })
  if (enabled) {
    const groups = Object.values(models)
    if (groups.length > 0 && groups.every(({ cache }) => cache === "off"))
      warn(["server", "cache"], "No group uses the cache: each says `cache: off`.", "cache: caller, of a group")
    return
  }
  const off = "The cache is off: no call is answered from it."
  if (streams) warn(["server", "cache", "streams"], off, "server.cache.enabled: true")
  if (shared) warn(["server", "cache", "shared"], off, "server.cache.enabled: true")
  for (const [name, { cache }] of Object.entries(models))
    if (cache === "shared") warn(["models", name, "cache"], off, "server.cache.enabled: true")
}
