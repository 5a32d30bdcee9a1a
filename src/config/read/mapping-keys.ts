/** The keys of one mapping: merged with `<<`, each once, and only those that the schema knows. */
import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar, type YAMLMap } from "yaml"
import type { z } from "zod"
import { quote } from "../findings.ts"
import { foreignKey, renamedKey } from "./foreign-keys.ts"
import { nearest } from "../../nearest.ts"
import { formOf, type Path } from "../schema/inspect.ts"
import { syntaxMessage } from "./syntax.ts"
import { spend, throughAlias, type Walk } from "./walk.ts"

/** The key under which the schema knows `name`; undefined after reporting that it is nothing that can stand here. */
export function knownKey(name: string, node: YAMLMap, schema: z.ZodType, path: Path, walk: Walk): string | undefined {
  const at = [...path, name]
  if (name in {}) {
    walk.report({ code: "reserved-name", path: at, atKey: true, message: `The name ${quote(name)} cannot be used.` })
    return undefined
  }
  const form = formOf(schema)
  if (form.is !== "block" || Object.hasOwn(form.shape, name)) return name
  const renamed = renamedKey(at)
  if (renamed !== undefined) {
    const message = `${quote(name)} is the old name of ${quote(renamed)}.`
    if (node.get(name) === "") return undefined
    const both = node.has(renamed) && node.get(renamed) !== node.get(name)
    const severity = both ? "error" : "warning"
    walk.report({ severity, code: "deprecated-key", path: at, atKey: true, message, nearest: renamed })
    return both ? undefined : renamed
  }
  if (foreignKey(at)) {
    const message = `${quote(name)} is a key of the reference product that this router does not implement; it has no effect.`
    walk.report({ severity: "warning", code: "not-implemented", path: at, atKey: true, message })
    return undefined
  }
  const keys = Object.keys(form.shape)
  walk.report({
    code: "unknown-key",
    path: at,
    atKey: true,
    message: `The key ${quote(name)} is not known here.`,
    expected: `one of ${keys.join(", ")}`,
    nearest: nearest(name, keys),
  })
  return undefined
}

/** The pairs of a mapping by key, with those that `<<` merges in; a key of the mapping itself wins. */
export function pairsOf(node: YAMLMap, path: Path, walk: Walk): ReadonlyMap<string, Pair> {
  spend(walk, path.length)
  const own = new Map<string, Pair>()
  const merged = new Map<string, Pair>()
  for (const pair of node.items) {
    const key = pair.key as Node | null
    if (!isScalar(key) || key.value === null) {
      walk.report({ code: "yaml-syntax", path, message: "A key must be a text." })
    } else if (key.value === "<<" && key.type === "PLAIN") {
      for (const [name, inner] of mergedPairs(pair.value as Node | null, path, walk))
        merged.set(name, merged.get(name) ?? inner)
    } else {
      const name = typeof key.value === "string" ? key.value : (key.source ?? "")
      if (own.has(name)) duplicate(key, [...path, name], walk)
      else own.set(name, pair)
    }
  }
  return merged.size === 0 ? own : new Map([...merged, ...own])
}

function duplicate(key: Scalar, path: Path, walk: Walk): void {
  const position = walk.positionAt(key.range?.[0] ?? 0)
  walk.report({ code: "duplicate-key", path, position, message: syntaxMessage("DUPLICATE_KEY") })
}

function mergedPairs(source: Node | null, path: Path, walk: Walk): Iterable<[string, Pair]> {
  const target = isAlias(source) ? walk.anchors.get(source.source) : source
  if (isMap(target) && !walk.open.has(target)) {
    walk.open.add(target)
    try {
      return [...throughAlias(walk, () => pairsOf(target, path, walk))]
    } finally {
      walk.open.delete(target)
    }
  }
  if (isSeq(target) && source !== null && !walk.open.has(target)) {
    return target.items.flatMap((item) => (isSeq(item) ? [] : [...mergedPairs(item as Node, path, walk)]))
  }
  walk.report({ code: "yaml-syntax", path, message: "`<<` takes an alias of a mapping, or a list of such." })
  return []
}
