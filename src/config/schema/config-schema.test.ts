import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import type { z } from "zod"
import { configJsonSchema } from "./json-schema.ts"
import { configSchema } from "./config-schema.ts"
import { bare, childOf, formOf, isSecret } from "./inspect.ts"

type Json = Readonly<Record<string, unknown>>

/** Every key of the schema with its path. */
function* keysOf(schema: z.ZodType, path: string): Generator<readonly [string, z.ZodType]> {
  const form = formOf(schema)
  if (form.is === "list") yield* keysOf(form.item, `${path}[]`)
  if (form.is === "table") yield* keysOf(form.value, `${path}.*`)
  if (form.is !== "block") return
  for (const [key, inner] of Object.entries(form.shape)) {
    yield [`${path}.${key}`, inner]
    yield* keysOf(inner, `${path}.${key}`)
  }
}

const KEYS = [...keysOf(configSchema, "")]

describe("every key", () => {
  test("has a description and says what it expects", () => {
    const silent = KEYS.filter(
      ([, schema]) => !/\w.*[.)]$/.test(bare(schema).facts.text) || bare(schema).facts.expects === undefined,
    )
    expect(silent.map(([path]) => path)).toEqual([])
  })

  test("has a default that its own rules accept", () => {
    for (const [path, schema] of KEYS) {
      const { optional } = bare(schema)
      expect([path, schema.safeParse(undefined).success]).toEqual([path, optional])
    }
  })

  test("of milliseconds, bytes and tokens has its unit", () => {
    const bound = KEYS.filter(([path, schema]) => /(_ms|_bytes|_usd)$/.test(path) && formOf(schema).is === "number")
    expect(bound.length).toBeGreaterThan(20)
    expect(bound.filter(([, schema]) => bare(schema).facts.unit === undefined).map(([path]) => path)).toEqual([])
  })
})

test("a key that the schema does not know is taken for secret", () => {
  expect(isSecret(configSchema, ["server", "listen"])).toBe(false)
  expect(isSecret(configSchema, ["server", "lisden"])).toBe(true)
  expect(isSecret(configSchema, ["providers", "a", "api_key"])).toBe(true)
  expect(isSecret(configSchema, ["providers", "a", "headers", "X"])).toBe(true)
  expect(isSecret(configSchema, ["callers", 0, "token_sha256"])).toBe(true)
  expect(childOf(configSchema, "toString")).toBeUndefined()
})

describe("the JSON Schema", () => {
  const schema = configJsonSchema()
  const defs = schema["$defs"] as Readonly<Record<string, Json>>

  test("describes the file as it is written", () => {
    const cache = defs["CacheConfig"]?.["properties"] as Readonly<Record<string, Json>>
    expect(cache["default_ttl"]).toMatchObject({
      default: "15m",
      anyOf: [{ type: "string" }, { $ref: "#/$defs/reference" }],
    })
    expect(schema["$schema"]).toBe("https://json-schema.org/draft/2020-12/schema")
  })

  test("refuses unknown keys and knows which are required", () => {
    expect(defs["ProviderConfig"]).toMatchObject({ additionalProperties: false, required: ["base_url", "dialect"] })
  })

  test("has every block that it refers to", () => {
    const references = [...JSON.stringify(schema).matchAll(/"#\/\$defs\/(\w+)"/g)].map((match) => match[1] ?? "")
    expect(references.filter((name) => !Object.hasOwn(defs, name))).toEqual([])
    expect(Object.keys(defs).filter((name) => !references.includes(name))).toEqual([])
  })
})

test("types and documentation are generated from what stands in the source", () => {
  const root = join(import.meta.dir, "../../..")
  const { success, stderr } = Bun.spawnSync([process.execPath, join(root, "scripts/make-docs.ts"), "--check"], {
    cwd: root,
  })
  expect(stderr.toString()).toBe("")
  expect(success).toBe(true)
})
