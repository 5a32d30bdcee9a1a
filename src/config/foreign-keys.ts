/** Keys that the reference product documents and this router does not have, and keys that have a newer name. */
import type { Path } from "./schema/inspect.ts"

const FOREIGN: ReadonlySet<string> = new Set([
  "server.config_source",
  "server.identifiers",
  "server.license",
  "server.openai_compatibility",
  "server.state_path",
  "server.streaming",
  "server.upstream.allow_private_image_urls",
  "server.usage_db.enabled",
  "server.usage_db.migration_policy",
])

const RENAMED: ReadonlyMap<string, string> = new Map([["callers.*.user", "owner_user"]])

export function foreignKey(path: Path): boolean {
  return FOREIGN.has(general(path))
}

/** The key that took the place of the one at this path. */
export function renamedKey(path: Path): string | undefined {
  return RENAMED.get(general(path))
}

/** The path with `*` for what the operator named: `callers[0].user` is `callers.*.user`. */
function general(path: Path): string {
  const named = path[0] !== "server"
  return path.map((key, depth) => (typeof key === "number" || (named && depth === 1) ? "*" : key)).join(".")
}
