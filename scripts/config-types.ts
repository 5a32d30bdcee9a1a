/** The TypeScript types of a loaded configuration, written from the schema: `src/config/config.ts`. */
import type { z } from "zod"
import { bare, formOf } from "../src/config/schema/inspect.ts"

const HEAD = `/* oxlint-disable max-lines -- generated */
/**
 * A loaded configuration: the keys of the file, with every default applied, durations in milliseconds and paths absolute.
 * Generated from src/config/schema/config-schema.ts by \`npm run docs\`; a test fails when it is stale.
 */
`

/** Every named block of the schema as an interface, in the order in which they are met. */
export function configTypes(root: z.ZodType): string {
  const interfaces = new Map<string, string>()
  typeOf(root, interfaces)
  return HEAD + [...interfaces.values()].toReversed().join("")
}

function typeOf(schema: z.ZodType, interfaces: Map<string, string>): string {
  const { facts, nullable } = bare(schema)
  const type = facts.output ?? bareType(schema, facts.name, interfaces)
  return nullable ? `${type} | null` : type
}

function bareType(schema: z.ZodType, name: string | undefined, interfaces: Map<string, string>): string {
  const form = formOf(schema)
  switch (form.is) {
    case "block":
      return blockType(form.shape, name, bare(schema).facts.text, interfaces)
    case "list":
      return `readonly ${bracketed(typeOf(form.item, interfaces))}[]`
    case "table":
      return `Readonly<Record<string, ${typeOf(form.value, interfaces)}>>`
    case "choice":
      return form.values.map((value) => JSON.stringify(value)).join(" | ")
    case "flag":
      return "boolean"
    case "number":
      return "number"
    case "text":
      return "string"
    case "any":
      return "unknown"
  }
}

function blockType(
  shape: Readonly<Record<string, z.ZodType>>,
  name: string | undefined,
  text: string,
  interfaces: Map<string, string>,
): string {
  if (name === undefined) throw new Error(`a block has no name: ${text}`)
  const members = Object.entries(shape).map(([key, schema]) => {
    const { facts, optional, fallback, nullable } = bare(schema)
    const absent = optional && fallback === undefined && !nullable && facts.resolved === undefined
    const type = typeOf(schema, interfaces)
    const comment = [facts.text, unitOf(facts.unit), resolvedOf(facts.resolved)].filter(Boolean).join(" ")
    return `  /** ${comment} */\n  readonly ${key}${absent ? "?" : ""}: ${type}${absent ? " | undefined" : ""}\n`
  })
  const written = `\n/** ${text} */\nexport interface ${name} {\n${members.join("")}}\n`
  const earlier = interfaces.get(name)
  if (earlier !== undefined && withoutComments(earlier) !== withoutComments(written)) {
    throw new Error(`two different blocks are named ${name}`)
  }
  if (earlier === undefined) interfaces.set(name, written)
  return name
}

function bracketed(type: string): string {
  return /[ |]/.test(type) ? `(${type})` : type
}

function unitOf(unit: string | undefined): string {
  return unit === undefined ? "" : `Unit: ${unit}.`
}

function resolvedOf(source: string | undefined): string {
  return source === undefined ? "" : `Where the file says nothing: ${source}.`
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*\*[^]*?\*\//g, "")
}
