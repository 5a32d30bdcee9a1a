/** A value that a JSON Schema accepts, taken from the words of a sentence where that makes sense. */
import { isRecord, type WireObject as Schema } from "./wire-value.ts"

const DEEPEST = 12

interface Place {
  readonly root: unknown
  readonly name: string
  readonly text: string
  readonly depth: number
}

/** All `required` properties are filled, optional ones are left out. `name` and `text` help to choose a plausible value. */
export function exampleOf(schema: unknown, text: string, name = "value"): unknown {
  return example(schema, { root: schema, name, text, depth: 0 })
}

function example(schema: unknown, place: Place): unknown {
  if (!isRecord(schema) || place.depth > DEEPEST) return place.depth > DEEPEST ? null : stringExample({}, place)
  if (typeof schema["$ref"] === "string") return example(resolve(schema["$ref"], place.root), deeper(place))
  if ("const" in schema) return schema["const"]
  if (Array.isArray(schema["enum"]) && schema["enum"].length > 0) return fromEnum(schema["enum"], place.text)
  if ("default" in schema) return schema["default"]
  for (const key of ["oneOf", "anyOf"]) {
    const options: unknown = schema[key]
    if (Array.isArray(options) && options.length > 0) return example(firstUseful(options), deeper(place))
  }
  if (Array.isArray(schema["allOf"])) return example(merged(schema, schema["allOf"], place.root), deeper(place))
  return byType(schema, place)
}

function byType(schema: Schema, place: Place): unknown {
  switch (typeOf(schema)) {
    case "object":
      return objectExample(schema, place)
    case "array":
      return arrayExample(schema, place)
    case "integer":
      return numberExample(schema, place, true)
    case "number":
      return numberExample(schema, place, false)
    case "boolean":
      return true
    case "null":
      return null
    default:
      return stringExample(schema, place)
  }
}

function typeOf(schema: Schema): string {
  const type = schema["type"]
  if (Array.isArray(type)) return String(type.find((one) => one !== "null") ?? "null")
  if (typeof type === "string") return type
  if ("properties" in schema || "required" in schema) return "object"
  return "items" in schema ? "array" : "string"
}

function objectExample(schema: Schema, place: Place): Record<string, unknown> {
  const properties = isRecord(schema["properties"]) ? schema["properties"] : {}
  const required = Array.isArray(schema["required"]) ? schema["required"] : []
  const filled = required.filter((name) => typeof name === "string")
  return Object.fromEntries(filled.map((name) => [name, example(properties[name] ?? {}, deeper(place, name))]))
}

function arrayExample(schema: Schema, place: Place): readonly unknown[] {
  const prefix = Array.isArray(schema["prefixItems"]) ? schema["prefixItems"] : []
  const least = typeof schema["minItems"] === "number" ? schema["minItems"] : 0
  const length = Math.max(prefix.length, Math.min(least, 32), schema["maxItems"] === 0 ? 0 : 1)
  return Array.from({ length }, (_, index) => example(prefix[index] ?? schema["items"] ?? {}, deeper(place)))
}

function numberExample(schema: Schema, place: Place, whole: boolean): number {
  const bound = (key: string): number | undefined => (typeof schema[key] === "number" ? schema[key] : undefined)
  const above = bound("exclusiveMinimum")
  const below = bound("exclusiveMaximum")
  const least =
    bound("minimum") ?? (above === undefined ? -Infinity : above + (whole ? 1 : Math.abs(above) * 1e-6 || 1e-6))
  const most =
    bound("maximum") ?? (below === undefined ? Infinity : below - (whole ? 1 : Math.abs(below) * 1e-6 || 1e-6))
  const said = Number(/-?\d+(?:\.\d+)?/u.exec(place.text)?.[0] ?? "1")
  const step = bound("multipleOf") ?? 0
  const wanted = Math.min(Math.max(whole ? Math.round(said) : said, least), most)
  return step > 0 ? Math.ceil(wanted / step) * step : wanted
}

const BY_FORMAT: ReadonlyMap<unknown, string> = new Map(
  Object.entries({
    date: "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    time: "12:00:00Z",
    email: "demo@example.com",
    uri: "https://example.com/",
    url: "https://example.com/",
    uuid: "00000000-0000-4000-8000-000000000000",
    ipv4: "192.0.2.1",
    hostname: "example.com",
  }),
)

function stringExample(schema: Schema, place: Place): string {
  const format = BY_FORMAT.get(schema["format"])
  if (format !== undefined) return format
  const shortest = typeof schema["minLength"] === "number" ? Math.min(schema["minLength"], 4096) : 0
  const longest = typeof schema["maxLength"] === "number" ? schema["maxLength"] : Infinity
  const word = wordFor(place).padEnd(shortest, "-").slice(0, longest)
  return typeof schema["pattern"] === "string" ? matching(schema["pattern"], word) : word
}

const PATTERN_CANDIDATES = [
  "demo",
  "Demo",
  "DEMO",
  "a",
  "A",
  "0",
  "1",
  "12345",
  "a1",
  "demo-1",
  "1.0.0",
  "2026-01-31",
  "/demo",
]

/** No generator for regular expressions: the first of a few common strings that fits, else the word as it is. */
function matching(pattern: string, word: string): string {
  const expression = new RegExp(pattern, "u")
  return [word, ...PATTERN_CANDIDATES].find((candidate) => expression.test(candidate)) ?? word
}

/** Agents run what a command says and write where a path points: those two are always harmless. */
function wordFor(place: Place): string {
  if (/^(?:cmd|command|script|code|input)$/iu.test(place.name)) return "echo smart-router demo"
  if (/path|file/iu.test(place.name)) return "smart-router-demo.txt"
  const quoted = /["“'‘]([^"”'’\n]{1,80})["”'’]/u.exec(place.text)?.[1]
  const afterPreposition = /\b(?:in|for|of|at|to|about)\s+(\p{Lu}[\p{L}-]*(?:\s\p{Lu}[\p{L}-]*)*)/u.exec(
    place.text,
  )?.[1]
  return quoted ?? afterPreposition ?? "demo"
}

function fromEnum(values: readonly unknown[], text: string): unknown {
  const lower = text.toLowerCase()
  return values.find((value) => typeof value === "string" && lower.includes(value.toLowerCase())) ?? values[0]
}

function firstUseful(options: readonly unknown[]): unknown {
  return options.find((option) => isRecord(option) && option["type"] !== "null") ?? options[0]
}

function merged(schema: Schema, parts: readonly unknown[], root: unknown): Schema {
  const { allOf: _, ...own } = schema
  const all = parts.map((part) =>
    isRecord(part) && typeof part["$ref"] === "string" ? resolve(part["$ref"], root) : part,
  )
  const records = [...all, own].filter((part) => isRecord(part))
  return {
    ...together(records),
    properties: together(records.map((part) => part["properties"])),
    required: records.flatMap((part): readonly unknown[] => (Array.isArray(part["required"]) ? part["required"] : [])),
  }
}

function together(values: readonly unknown[]): Schema {
  return Object.fromEntries(values.filter((value) => isRecord(value)).flatMap((value) => Object.entries(value)))
}

/** Only references into the same schema, `#/…`: a foreign one is read as "anything". */
function resolve(reference: string, root: unknown): unknown {
  if (!reference.startsWith("#")) return {}
  let found = root
  for (const step of reference.slice(1).split("/").slice(1)) {
    const name = step.replaceAll("~1", "/").replaceAll("~0", "~")
    found = isRecord(found) ? found[name] : undefined
  }
  return found ?? {}
}

function deeper(place: Place, name: string = place.name): Place {
  return { ...place, name, depth: place.depth + 1 }
}
