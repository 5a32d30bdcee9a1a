/** Reads the schema itself: what findings, the JSON Schema, the documentation and the generated types have in common. */
import type { z } from "zod"
import { factsOf, type Facts } from "./field.ts"

/** A schema without the wrappers that say what happens when the key is absent. */
export interface Bare {
  readonly schema: z.ZodType
  readonly facts: Facts
  /** May the key be left out? */
  readonly optional: boolean
  readonly nullable: boolean
  /** What stands for an absent key, as it would be written in the file; undefined: nothing does. */
  readonly fallback: unknown
}

interface Def {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly defaultValue?: unknown
  readonly in?: z.ZodType
  readonly out?: z.ZodType
  readonly shape?: Readonly<Record<string, z.ZodType>>
  readonly element?: z.ZodType
  readonly keyType?: z.ZodType
  readonly valueType?: z.ZodType
  readonly entries?: Readonly<Record<string, string>>
}

const UNDESCRIBED: Facts = { text: "" }

function defOf(schema: z.ZodType): Def {
  return schema.def
}

const BARE = new WeakMap<z.ZodType, Bare>()
const FORMS = new WeakMap<z.ZodType, Form>()

export function bare(wrapped: z.ZodType): Bare {
  return known(BARE, wrapped, unwrapped)
}

/** Schemas do not change, and a large file asks the same of them ten thousand times. */
function known<T>(memory: WeakMap<z.ZodType, T>, schema: z.ZodType, look: (schema: z.ZodType) => T): T {
  const before = memory.get(schema)
  if (before !== undefined) return before
  const now = look(schema)
  memory.set(schema, now)
  return now
}

function unwrapped(wrapped: z.ZodType): Bare {
  let schema = wrapped
  let facts = factsOf(wrapped)
  let optional = false
  let nullable = false
  let fallback: unknown
  for (let def = defOf(schema); ; def = defOf(schema)) {
    const inner = def.innerType ?? blockBehind(def)
    if (inner === undefined) break
    if (def.type === "optional") optional = true
    if (def.type === "nullable") nullable = true
    if (def.type === "prefault") {
      optional = true
      fallback = def.defaultValue
    }
    schema = inner
    facts ??= factsOf(schema)
  }
  return { schema, facts: facts ?? UNDESCRIBED, optional, nullable, fallback }
}

/** Of a block that a word may stand for. */
function blockBehind({ type, in: before, out }: Def): z.ZodType | undefined {
  return type === "pipe" && before !== undefined && defOf(before).type === "transform" ? out : undefined
}

/** What a schema takes, seen from the file. */
export type Form =
  | { readonly is: "block"; readonly shape: Readonly<Record<string, z.ZodType>> }
  | { readonly is: "table"; readonly value: z.ZodType }
  | { readonly is: "list"; readonly item: z.ZodType }
  | { readonly is: "choice"; readonly values: readonly string[] }
  | { readonly is: "text" | "number" | "flag" }
  /** Any value of JSON, and so is all that stands in it. */
  | { readonly is: "any" }

export function formOf(schema: z.ZodType): Form {
  return known(FORMS, schema, lookedUp)
}

function lookedUp(schema: z.ZodType): Form {
  const def = defOf(bare(schema).schema)
  if (def.type === "object") return { is: "block", shape: def.shape ?? {} }
  if (def.type === "record" && def.valueType !== undefined) return { is: "table", value: def.valueType }
  if (def.type === "array" && def.element !== undefined) return { is: "list", item: def.element }
  if (def.type === "enum") return { is: "choice", values: Object.values(def.entries ?? {}) }
  if (def.type === "pipe" && def.in !== undefined) return formOf(def.in)
  if (def.type === "number") return { is: "number" }
  if (def.type === "unknown") return { is: "any" }
  return def.type === "boolean" ? { is: "flag" } : { is: "text" }
}

export type Path = readonly (string | number)[]

/** The schema of what stands under one key or index; undefined: nothing may stand there. */
export function childOf(schema: z.ZodType, key: string | number): z.ZodType | undefined {
  const form = formOf(schema)
  if (form.is === "list") return typeof key === "number" ? form.item : undefined
  if (form.is === "table") return form.value
  if (form.is === "any") return schema
  return form.is === "block" && Object.hasOwn(form.shape, key) ? form.shape[key] : undefined
}

/** All schemas from the root down to the path, as far as the schema knows it. */
export function chainOf(root: z.ZodType, path: Path): readonly z.ZodType[] {
  const chain = [root]
  for (const key of path) {
    const next = childOf(chain.at(-1) ?? root, key)
    if (next === undefined) break
    chain.push(next)
  }
  return chain
}

/** Is a value at this path, or anything around it, secret? What the schema does not know is taken for secret. */
export function isSecret(root: z.ZodType, path: Path): boolean {
  const chain = chainOf(root, path)
  return chain.length <= path.length || chain.some((schema) => bare(schema).facts.secret !== undefined)
}

export function defaultOf(schema: z.ZodType): unknown {
  const { optional } = bare(schema)
  return optional ? schema.parse(undefined) : undefined
}
