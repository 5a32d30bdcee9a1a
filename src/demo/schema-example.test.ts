import { describe, expect, test } from "bun:test"
import { exampleOf } from "./schema-example.ts"

describe("an example of a schema", () => {
  test.each([
    ["required only", { type: "object", properties: { a: { type: "string" }, b: {} }, required: ["a"] }, { a: "demo" }],
    [
      "nested",
      {
        properties: { a: { type: "object", properties: { b: { type: "boolean" } }, required: ["b"] } },
        required: ["a"],
      },
      { a: { b: true } },
    ],
    [
      "a reference",
      { $defs: { x: { const: 7 } }, type: "object", properties: { a: { $ref: "#/$defs/x" } }, required: ["a"] },
      { a: 7 },
    ],
    ["anyOf without null", { anyOf: [{ type: "null" }, { type: "integer", minimum: 5 }] }, 5],
    [
      "allOf",
      {
        allOf: [
          { properties: { a: { enum: ["x"] } }, required: ["a"] },
          { properties: { b: { const: 1 } }, required: ["b"] },
        ],
      },
      { a: "x", b: 1 },
    ],
    ["a list", { type: "array", items: { type: "string", format: "date" }, minItems: 2 }, ["2026-01-31", "2026-01-31"]],
    ["bounds", { type: "number", exclusiveMinimum: 10, multipleOf: 5 }, 15],
    ["lengths", { type: "string", minLength: 6 }, "demo--"],
    ["a pattern", { type: "string", pattern: "^\\d{5}$" }, "12345"],
    ["types in a list", { type: ["null", "boolean"] }, true],
  ])("fits a schema with %s", (_, schema, expected) => {
    expect(exampleOf(schema, "")).toEqual(expected)
  })

  test("takes words and numbers from the text", () => {
    const schema = {
      type: "object",
      properties: { city: { type: "string" }, n: { type: "integer" } },
      required: ["city", "n"],
    }
    expect(exampleOf(schema, "Hotels in New York for 2 nights")).toEqual({ city: "New York", n: 2 })
    expect(exampleOf(schema, 'Look for "the moon"')).toEqual({ city: "the moon", n: 1 })
  })

  test("has a harmless command or path, whatever the text says", () => {
    const schema = {
      type: "object",
      properties: { command: { type: "string" }, path: { type: "string" } },
      required: ["command", "path"],
    }
    expect(exampleOf(schema, 'Run "rm -rf /"')).toEqual({
      command: "echo smart-router demo",
      path: "smart-router-demo.txt",
    })
  })

  test("ends where the schema contains itself", () => {
    const schema = { type: "object", properties: { next: { $ref: "#" } }, required: ["next"] }
    expect(JSON.stringify(exampleOf(schema, ""))).toStartWith('{"next":{"next":')
  })
})
