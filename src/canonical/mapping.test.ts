import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { callId } from "../../test/laws/arbitraries.ts"
import { argumentObjects, argumentsObject, argumentsText, RAW_ARGUMENTS_KEY, wrapInput } from "./arguments.ts"
import { InputReader, unwrapInput } from "./input-reader.ts"
import type { ToolCallBlock } from "./block.ts"
import { fingerprint } from "./fingerprint.ts"
import { decodeId, encodeId, REPLY_ID_RULES, type IdRules } from "./id-map.ts"
import { parseExact } from "./json.ts"
import { buildNameTable, COMMON_NAME_RULES } from "./name-map.ts"
import type { Tool, ToolRef } from "./tool.ts"
import { expectProperty } from "../../test/helpers/property.ts"

describe("call ids", () => {
  const short: IdRules = { alphabet: "word", maxChars: 40 }

  test("come back from any encoding that fits", () => {
    expectProperty(
      fc.property(fc.oneof(callId, fc.string({ unit: "binary" })), (id) => {
        const encoded = encodeId(id, REPLY_ID_RULES)
        expect(encoded).toMatch(/^[A-Za-z0-9_-]+$/)
        expect(decodeId(encoded)).toBe(id)
      }),
      300,
    )
  })

  test("keep to length and alphabet, always in the same way, and stay apart", () => {
    const rules = fc.constantFrom(short, { alphabet: "alphanumeric", maxChars: 9 } as const)
    expectProperty(
      fc.property(fc.uniqueArray(callId, { maxLength: 20 }), rules, (ids, rule) => {
        const encoded = ids.map((id) => encodeId(id, rule))
        expect(new Set(encoded).size).toBe(ids.length)
        expect(ids.map((id) => encodeId(id, rule))).toEqual(encoded)
        for (const one of encoded) expect(one.length).toBeLessThanOrEqual(rule.maxChars)
      }),
    )
  })

  test("that are legal stay as they are, and those of others are not decoded", () => {
    expect(encodeId("call_abc-1", short)).toBe("call_abc-1")
    for (const id of ["toolu_01", "rx1_%", "rx1_/w", "rx1_gA", "rxh_abc"]) expect(decodeId(id)).toBe(id)
  })
})

describe("tool names", () => {
  const tool = (name: string, namespace: string | null = null): Tool => ({ type: "function", name, namespace })
  const custom: Tool = { type: "custom", name: "apply_patch", namespace: null }
  const call = (name: string, namespace: string | null = null): ToolCallBlock => {
    return { type: "tool-call", id: "x", name, namespace, kind: "function", arguments: "{}" }
  }
  const options = { rules: COMMON_NAME_RULES, customTools: false }

  test("are legal, distinct and reversible, whatever the client calls its tools", () => {
    const name = fc.oneof(fc.string({ minLength: 1, maxLength: 90 }), fc.constantFrom("a.b", "a_b", "ns__a", "a"))
    const ref = fc.record({ name, namespace: fc.constantFrom(null, "ns", "mcp.demo") })
    const refs = fc.uniqueArray(ref, { maxLength: 12, selector: (one) => JSON.stringify(one) })
    expectProperty(
      fc.property(refs, (all) => {
        const table = buildNameTable(
          all.map((one): Tool => ({ type: "function", ...one })),
          [],
          options,
        )
        const wires = all.map((one) => table.wire(one))
        expect(new Set(wires).size).toBe(all.length)
        for (const wire of wires) expect(wire).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
        expect(
          wires.map((wire): ToolRef => ({ name: table.named(wire).name, namespace: table.named(wire).namespace })),
        ).toEqual(all)
      }),
      300,
    )
  })

  test("depend on nothing but themselves", () => {
    const alone = buildNameTable([tool("mcp.search/files")], [], options)
    const among = buildNameTable([tool("other"), custom, tool("mcp.search/files")], [], options)
    expect(among.wire({ name: "mcp.search/files", namespace: null })).toBe(
      alone.wire({ name: "mcp.search/files", namespace: null }),
    )
  })

  test("of namespaces are flattened, or kept for a target that has them", () => {
    const flat = buildNameTable([tool("add", "mcp__demo")], [], options)
    expect(flat.wire({ name: "add", namespace: "mcp__demo" })).toBe("mcp__demo__add")
    expect(flat.named("mcp__demo__add")).toMatchObject({ name: "add", namespace: "mcp__demo" })
    expect(flat.named("add")).toMatchObject({ name: "add", namespace: "mcp__demo" })
    const kept = buildNameTable([tool("add", "a"), tool("add", "b")], [], {
      ...options,
      rules: { ...COMMON_NAME_RULES, namespaces: true },
    })
    expect(kept.wire({ name: "add", namespace: "b" })).toBe("add")
    expect(kept.named("add", "b")).toMatchObject({ name: "add", namespace: "b" })
  })

  test("know free-text tools, names of the history, and take inventions as they are", () => {
    const history = [{ role: "assistant", blocks: [call("old.tool"), call("apply_patch")] }] as const
    const table = buildNameTable([custom], history, options)
    expect(table.declared({ name: "apply_patch", namespace: null })).toMatchObject({ kind: "custom", wrapped: true })
    expect(table.declared({ name: "old.tool", namespace: null })).toBeUndefined()
    expect(table.named(table.wire({ name: "old.tool", namespace: null }))).toMatchObject({ name: "old.tool" })
    expect(table.named("invented")).toEqual({
      name: "invented",
      namespace: null,
      kind: "function",
      wire: "invented",
      wrapped: false,
    })
  })
})

describe("arguments", () => {
  test("keep their numbers, and their text where they are no object", () => {
    const big = '{"id":12345678901234567890,"ratio":1.10}'
    expect(JSON.stringify(argumentsObject(big).object)).toBe(big)
    expect(argumentsText(parseExact(big))).toBe(big)
    for (const nothing of ["", " \n", "null", " null "])
      expect(argumentsObject(nothing)).toEqual({ object: {}, wrapped: false })
    for (const text of ['{"cut":"of', "[1]", "7", '"x"', "12345678901234567890"]) {
      const { object, wrapped } = argumentsObject(text)
      expect(wrapped).toBe(true)
      expect(object).toEqual({ [RAW_ARGUMENTS_KEY]: text })
      expect(argumentsText(object)).toBe(text)
    }
    expect(argumentsText(undefined)).toBe("{}")
  })

  test("of a free-text tool come out of any cut of their JSON", () => {
    const spaced = (text: string): string => ` {\n "input" :\t ${JSON.stringify(text)} } `
    const escaped = (text: string): string => {
      const units = [...Array(text.length).keys()].map((at) => text.charCodeAt(at).toString(16).padStart(4, "0"))
      return `{"input":"${units.map((unit) => `\\u${unit}`).join("")}"}`
    }
    const way = fc.constantFrom(wrapInput, spaced, escaped)
    const sizes = fc.infiniteStream(fc.integer({ min: 1, max: 5 }))
    expectProperty(
      fc.property(fc.string({ unit: "binary" }), way, sizes, (text, wrap, size) => {
        const json = wrap(text)
        expect(unwrapInput(json)).toBe(text)
        const reader = new InputReader()
        let read = ""
        for (let at = 0; at < json.length;) {
          const end = at + Number(size.next().value)
          read += reader.push(json.slice(at, end))
          at = end
        }
        expect(read + reader.end()).toBe(text)
      }),
      300,
    )
  })

  test.each(["*** Begin Patch", "{", '{ "inp', "{a}{b}", '"open', '{"one":"x","two":"y"}', '{"n":1}', ""])(
    "of another shape are the text itself: %j",
    (text) => {
      expect(unwrapInput(text)).toBe(text)
    },
  )

  test.each([
    ['{"patch":"*** P\\n"}', "*** P\n"],
    ['{"reason":"so","input":"*** P"}', "*** P"],
    ['{"input":"*** P","reason":"so"}', "*** P"],
    ['{"command":["apply_patch","*** P"]}', "*** P"],
    ['{"input":{"patch":"*** P"}}', "*** P"],
    ['"*** P"', "*** P"],
    ['"{\\"input\\":\\"*** P\\"}"', "*** P"],
    ['{"in put":"x"}', "x"],
    ['{"input":""}', ""],
  ])("of a free-text tool are found in what models make of them: %j", (json, text) => {
    expect(unwrapInput(json)).toBe(text)
    const reader = new InputReader()
    const pieces = json.split("").map((char) => reader.push(char))
    expect(pieces.join("") + reader.end()).toBe(text)
  })

  test.each([
    ['{"a":1}{"b":"}{"}', ['{"a":1}', '{"b":"}{"}']],
    ['{}{"a":1}', ['{"a":1}']],
    ["{}{}", ["{}"]],
    ['{"a":"}{"}', ['{"a":"}{"}']],
    ['{"a":1}{"b"', ['{"a":1}{"b"']],
    ["plain } { text", ["plain } { text"]],
  ] as const)("of several calls in one are told apart: %j", (text, objects) => {
    expect(argumentObjects(text)).toEqual([...objects])
  })

  test("that were cut off give what came", () => {
    expect(unwrapInput('{"input":"half \\n of it\\u00')).toBe("half \n of it")
  })
})

test("fingerprints differ and keep their length", () => {
  const seen = new Set(Array.from({ length: 20_000 }, (_one, index) => fingerprint(`call_${index}`, 9)))
  expect(seen.size).toBe(20_000)
  expect(fingerprint("x", 24)).toMatch(/^[0-9a-z]{24}$/)
})
