/** Keys that are accepted and validated, but that nothing acts on yet. */
import { isDeepStrictEqual } from "node:util"
import type { z } from "zod"
import type { Report } from "../findings.ts"
import { mapping } from "../read/outline.ts"
import { bare, childOf, defaultOf, type Path } from "../schema/inspect.ts"

interface Use {
  readonly path: Path
  readonly message: string
  count: number
}

/** One finding for each key that is set to something other than its default, at the first place that does so. */
export function reportPending(tree: unknown, root: z.ZodType, report: Report): void {
  const uses = new Map<string, Use>()
  collect(tree, root, [], uses)
  for (const { path, message, count } of uses.values()) {
    const more = count > 1 ? ` (${count - 1} more ${count === 2 ? "place" : "places"})` : ""
    report({ severity: "warning", code: "not-active", path, atKey: true, message: `${message}${more}.` })
  }
}

function collect(value: unknown, schema: z.ZodType, path: Path, uses: Map<string, Use>): void {
  const { facts } = bare(schema)
  if (facts.pending === true) {
    if (matters(value, schema)) note(path, `${String(path.at(-1))}: accepted, not active yet`, uses)
    return
  }
  if (facts.pendingValues?.includes(value) === true) {
    note(path, `${String(path.at(-1))}: ${String(value)} is accepted, not active yet`, uses)
  }
  if (typeof value !== "object" || value === null) return
  const entries: readonly (readonly [string | number, unknown])[] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value)
  for (const [key, inner] of entries) {
    const below = childOf(schema, key)
    if (below !== undefined) collect(inner, below, [...path, key], uses)
  }
}

/** Is this more than the default, and not a block that is switched off? What is not valid is reported elsewhere. */
function matters(value: unknown, schema: z.ZodType): boolean {
  if (value === undefined || mapping(value)["enabled"] === false) return false
  const { success, data } = schema.safeParse(value)
  return success && !isDeepStrictEqual(data, defaultOf(schema))
}

function note(path: Path, message: string, uses: Map<string, Use>): void {
  const general = JSON.stringify([
    path.map((key, depth) => (typeof key === "number" || (depth === 1 && path[0] !== "server") ? "*" : key)),
    message,
  ])
  const earlier = uses.get(general)
  if (earlier === undefined) uses.set(general, { path, message, count: 1 })
  else earlier.count += 1
}
