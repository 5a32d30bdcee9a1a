/** The JSON Schema of the configuration file, for editors. */
import { isDeepStrictEqual } from "node:util"
import { z } from "zod"
import { configSchema } from "./config-schema.ts"
import { factsOf, type Facts } from "./field.ts"

/** Keywords whose value is no schema. */
const VERBATIM: ReadonlySet<string> = new Set(["propertyNames", "default", "required"])

const REFERENCE = {
  type: "string",
  pattern: "\\$\\{[^}]+\\}",
  description: "A value from the environment or from a file.",
}

type Json = Readonly<Record<string, unknown>>

/** Draft 2020-12. Describes the file as written: durations are texts, and `${NAME}` may stand for any single value. */
export function configJsonSchema(): Json {
  const written = z.toJSONSchema(configSchema, {
    io: "input",
    override: ({ zodSchema, jsonSchema }) => {
      const facts = factsOf(zodSchema as unknown as z.ZodType)
      if (facts !== undefined) jsonSchema.description = describe(facts)
      if (facts?.name !== undefined && jsonSchema.type === "object") jsonSchema.title = facts.name
      if (facts?.words !== undefined) eitherWord(jsonSchema, facts.words)
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
    },
  }) as Json
  const blocks = new Map<string, Json>()
  const { title: _, $schema, ...root } = withReferences(written) as Json
  const properties = eachOf(root["properties"] as Json, (schema) => withSharedBlocks(schema, blocks))
  return {
    $schema,
    title: "smart-router configuration",
    ...root,
    properties,
    $defs: { reference: REFERENCE, ...Object.fromEntries(blocks) },
  }
}

/** The block, or one of its words. */
function eitherWord(node: Record<string, unknown>, words: readonly string[]): void {
  const { description, default: fallback, ...block } = node
  for (const key of Object.keys(block)) delete node[key]
  Object.assign(node, present({ description, default: fallback }), { anyOf: [{ type: "string", enum: words }, block] })
}

function describe(facts: Facts): string {
  return [
    facts.text,
    facts.unit === undefined ? "" : `Unit: ${facts.unit}.`,
    facts.resolved === undefined ? "" : `Default: ${facts.resolved}.`,
    facts.pending === true ? "Accepted, not active yet." : "",
    facts.pendingValues === undefined ? "" : `Accepted, not active yet: ${facts.pendingValues.map(String).join(", ")}.`,
  ]
    .filter(Boolean)
    .join(" ")
}

/** Every value that is bound to a form may also be a reference. */
function withReferences(schema: unknown): unknown {
  if (!isNode(schema)) return Array.isArray(schema) ? schema.map(withReferences) : schema
  if (!isBound(schema)) return eachSchema(schema, withReferences)
  const { description, default: fallback, ...bound } = schema
  return { ...present({ description, default: fallback }), anyOf: [bound, { $ref: "#/$defs/reference" }] }
}

function isBound({ type, pattern, enum: values }: Json): boolean {
  if (type === "string") return pattern !== undefined || values !== undefined
  return type === "number" || type === "integer" || type === "boolean"
}

/** Blocks with a name are written once, under `$defs`. */
function withSharedBlocks(schema: unknown, blocks: Map<string, Json>): unknown {
  const inner = (part: unknown): unknown => withSharedBlocks(part, blocks)
  if (!isNode(schema)) return Array.isArray(schema) ? schema.map(inner) : schema
  const { title, description, default: fallback, ...body } = eachSchema(schema, inner)
  if (typeof title !== "string") return { ...present({ description, default: fallback }), ...body }
  const earlier = blocks.get(title)
  if (earlier !== undefined && !isDeepStrictEqual(earlier, body))
    throw new Error(`two different blocks are named ${title}`)
  blocks.set(title, body)
  return { ...present({ description, default: fallback }), $ref: `#/$defs/${title}` }
}

function eachSchema(node: Json, change: (schema: unknown) => unknown): Json {
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => {
      if (key === "properties") return [key, eachOf(value as Json, change)]
      return [key, VERBATIM.has(key) ? value : change(value)]
    }),
  )
}

function eachOf(schemas: Json, change: (schema: unknown) => unknown): Json {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, change(schema)]))
}

function present(values: Json): Json {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}

function isNode(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
