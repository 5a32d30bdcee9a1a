/** Rules over several keys of a block: they are judged as far as the keys that they read are right, whatever else is wrong. */
import type { z } from "zod"
import { mapping } from "../read/outline.ts"
import { bare, childOf, formOf, type Path } from "../schema/inspect.ts"
import type { Fault, Rule } from "../schema/field.ts"

/** A rule asked for a value that is wrong itself. */
class Unusable extends Error {}

/** What the schema would say of these rules, if nothing else were wrong. */
export function brokenRules(tree: unknown, root: z.ZodType): readonly z.core.$ZodIssue[] {
  const found: z.core.$ZodIssue[] = []
  collect(tree, root, [], found)
  return found
}

function collect(value: unknown, schema: z.ZodType, path: Path, found: z.core.$ZodIssue[]): void {
  if (typeof value !== "object" || value === null) return
  for (const rule of bare(schema).facts.rules ?? []) {
    const fault = faultOf(rule, value, schema)
    if (fault !== null) found.push({ code: "custom", path: [...path, ...fault.path], message: fault.message })
  }
  const entries: Iterable<readonly [string | number, unknown]> = Array.isArray(value)
    ? value.entries()
    : Object.entries(value)
  for (const [key, inner] of entries) {
    const below = childOf(schema, key)
    if (below !== undefined) collect(inner, below, [...path, key], found)
  }
}

function faultOf(rule: Rule, value: unknown, schema: z.ZodType): Fault | null {
  if (Array.isArray(value)) return null
  try {
    return rule(partsOf(value, schema))
  } catch (error) {
    if (error instanceof Unusable) return null
    throw error
  }
}

/** The block as the schema reads it, key by key. */
function partsOf(block: unknown, schema: z.ZodType): Readonly<Record<string, unknown>> {
  return new Proxy<Record<string, unknown>>(
    {},
    {
      get(_, key) {
        const child = typeof key === "string" ? childOf(schema, key) : undefined
        if (child === undefined) return undefined
        const raw = mapping(block)[String(key)]
        const { success, data } = child.safeParse(raw)
        if (success) return data
        if (formOf(child).is !== "block" || mapping(raw) !== raw) throw new Unusable()
        return partsOf(raw, child)
      },
    },
  )
}
