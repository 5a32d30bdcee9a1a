/** Values that the environment does not give: who needs them, and what can do without. */
import type { Tree } from "../read/document.ts"
import type { Unresolved } from "../read/walk.ts"
import type { OpenedSources } from "../read/sources.ts"
import { formatPath, type Report } from "../findings.ts"
import { listOf, mapping, tableOf, textOf } from "../read/outline.ts"
import { configSchema } from "../schema/config-schema.ts"
import { bare, chainOf, type Path } from "../schema/inspect.ts"

/** Providers that a target names, whether or not they exist. */
export function usedProviders(tree: unknown): ReadonlySet<string> {
  const groups = tableOf(mapping(tree)["models"], ["models"])
  return new Set(
    groups.flatMap(({ fields, path }) =>
      listOf(fields["targets"], path).flatMap((target) => textOf(target, "provider") ?? []),
    ),
  )
}

/** Does anything active need the value at this path? */
export function isNeeded(path: Path, tree: unknown): boolean {
  const server = mapping(mapping(tree)["server"])
  if (path[0] === "server" && path[1] === "usage_db" && (path[2] === "dsn" || path[2] === "report_dsn"))
    return mapping(server["usage_db"])["driver"] === "postgres"
  if (path[0] === "server" && path[1] === "state" && path[2] === "url")
    return mapping(server["state"])["driver"] === "redis"
  if (chainOf(configSchema, path).some((schema) => bare(schema).facts.pending === true)) return false
  return !isSwitchedOff(path, tree)
}

/** Providers that nothing uses and that cannot be completed: they are left out, the rest of the file can still be used. */
export function incompleteIdleProviders(tree: unknown, demanded: readonly Unresolved[]): ReadonlySet<string> {
  const used = usedProviders(tree)
  const names = demanded.flatMap(({ path }) => (path[0] === "providers" && path.length > 1 ? [String(path[1])] : []))
  return new Set(names.filter((name) => !used.has(name)))
}

export function withoutProviders(tree: unknown, names: ReadonlySet<string>): unknown {
  const root = mapping(tree)
  const kept = Object.entries(mapping(root["providers"])).filter(([name]) => !names.has(name))
  return { ...root, providers: Object.fromEntries(kept) }
}

interface Keyed {
  readonly tree: unknown
  readonly unresolved: readonly Unresolved[]
  readonly secrets: readonly string[]
}

/** `api_key_env: NAME` is another way to write `api_key: ${NAME}`. */
export function withApiKeys(read: Tree, sources: OpenedSources, report: Report): Keyed {
  const root = mapping(read.value)
  const unresolved = [...read.unresolved]
  const secrets: string[] = []
  const providers = tableOf(root["providers"], ["providers"]).map((provider): [string, unknown] => {
    const name = textOf(provider, "api_key_env")
    if (name === undefined) return [provider.name, mapping(root["providers"])[provider.name]]
    const path = [...provider.path, "api_key_env"]
    const key = provider.fields["api_key"]
    const value = sources.variable(name)
    const given = key !== undefined
    if (given && key !== value)
      report({
        code: "invalid-value",
        path,
        message: "api_key and api_key_env name different values: keep one of them.",
      })
    const awaited = formatPath([...provider.path, "api_key"])
    const isKnown = unresolved.some((entry) => formatPath(entry.path) === awaited && entry.variables.includes(name))
    if (value !== undefined) secrets.push(value)
    else if (!isKnown && !given) unresolved.push({ path, variables: [name], files: [] })
    return [provider.name, value === undefined || given ? provider.fields : { ...provider.fields, api_key: value }]
  })
  return {
    tree:
      "providers" in root && providers.length > 0 ? { ...root, providers: Object.fromEntries(providers) } : read.value,
    unresolved,
    secrets,
  }
}

function isSwitchedOff(path: Path, tree: unknown): boolean {
  let value: unknown = tree
  for (const key of path) {
    if (mapping(value)["enabled"] === false) return true
    value = Array.isArray(value) && typeof key === "number" ? value[key] : mapping(value)[String(key)]
  }
  return false
}
