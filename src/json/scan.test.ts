import { expect, test } from "bun:test"
import fc from "fast-check"
import { JsonFault } from "./fault.ts"
import { ObjectScan, scanBounded, scanObject } from "./scan.ts"
import { expectProperty } from "../../test/helpers/property.ts"

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const faultOf = (text: string, depth = 512): JsonFault | null => {
  try {
    scanObject(encode(text), depth)
    return null
  } catch (error) {
    if (error instanceof JsonFault) return error
    throw error
  }
}
const accepts = (text: string): boolean => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}

test("every member's bytes parse to the member's value", () => {
  expectProperty(
    fc.property(
      fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue({ maxDepth: 4 })),
      fc.nat(4),
      (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        const scan = scanObject(encode(text), 512)
        const read = Object.fromEntries(
          scan.members.map((m) => [m.key, JSON.parse(new TextDecoder().decode(scan.bytes.subarray(m.start, m.end)))]),
        )
        expect(JSON.stringify(read)).toEqual(JSON.stringify(JSON.parse(text)))
        expect(scan.bytes[scan.close]).toBe(125)
      },
    ),
    500,
  )
})

test("the scan accepts exactly what JSON.parse accepts, over mutated documents", () => {
  const document = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })).map((value) => JSON.stringify(value))
  const noise = fc.constantFrom(...Array.from('{}[]",:\\u0 \t\n-+.eE1tfn/x'))
  expectProperty(
    fc.property(document, fc.array(fc.tuple(fc.nat(), noise, fc.boolean()), { maxLength: 3 }), (text, changes) => {
      let mutated = text
      for (const [at, character, insert] of changes) {
        const place = at % (mutated.length + 1)
        mutated = mutated.slice(0, place) + character + mutated.slice(insert ? place : place + 1)
      }
      expect(faultOf(mutated) === null).toBe(accepts(mutated))
    }),
    5000,
  )
})

test("the scan works on unaligned views", () => {
  const whole = encode(`   {"a":"${"x".repeat(50)}\\n","model":"m"}`)
  const scan = scanObject(whole.subarray(3), 512)
  expect(scan.members.map((m) => m.key)).toEqual(["a", "model"])
})

test("keys are compared with their escapes resolved", () => {
  expect(scanObject(encode('{"mo\\u0064el":1,"é":2}'), 512).members.map((m) => m.key)).toEqual(["model", "é"])
})

test("depth is bounded and 100,000 levels are refused without a stack overflow", () => {
  const nested = (levels: number): string => `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`
  expect(faultOf(nested(511))).toBeNull()
  expect(faultOf(nested(512))?.kind).toBe("depth")
  expect(faultOf(nested(100_000))?.kind).toBe("depth")
})

test("a JSON value that is no object is told apart from broken JSON", () => {
  for (const text of ['"{\\"model\\":\\"m\\"}"', "[1]", "12", "null", "true"])
    expect(faultOf(text)?.kind).toBe("not-an-object")
  for (const text of ["", "  ", "nul", "[1", '{"a":1}}', '{"a":01}', '{"a":"\u0001"}', "\ufeff{}"])
    expect(faultOf(text)?.kind).toBe("syntax")
})

/** In slices of `size` bytes. */
function scanned(bytes: Uint8Array, size: number): unknown {
  try {
    const scan = new ObjectScan(bytes, { maxDepth: 512, maxValues: Infinity, maxMembers: Infinity })
    for (let stop = size; !scan.run(Math.min(stop, bytes.length)); stop += size);
    return scan.result()
  } catch (error) {
    if (error instanceof JsonFault) return [error.kind, error.offset, error.message]
    throw error
  }
}

test("a scan in slices finds what a scan in one piece finds, faults included", () => {
  const document = fc
    .dictionary(fc.constantFrom("type", "id", "file_id", "messages", "a\\n"), fc.jsonValue({ maxDepth: 4 }))
    .map((value) => JSON.stringify(value))
  const cut = fc.tuple(document, fc.nat(), fc.integer({ min: 1, max: 9 }), fc.boolean())
  expectProperty(
    fc.property(cut, ([text, at, size, isWhole]) => {
      const bytes = encode(
        isWhole ? text : text.slice(0, at % (text.length + 1)) + text.slice((at % (text.length + 1)) + 1),
      )
      expect(scanned(bytes, size)).toEqual(scanned(bytes, bytes.length))
    }),
    2000,
  )
})

test("members and values are bounded, and the fault names the member", () => {
  const bounded = (text: string): (() => unknown) => {
    return () => scanBounded(encode(text), { maxDepth: 512, maxValues: 100, maxMembers: 10 })
  }
  const members = (count: number): string =>
    `{${Array.from({ length: count }, (_, index) => `"k${index}":1`).join(",")}}`
  const values = (count: number): string => `{"a":1,"messages":[${Array(count).fill("{}").join(",")}]}`
  expect(bounded(members(10))).not.toThrow()
  expect(bounded(members(11))).toThrow(expect.objectContaining({ kind: "too-many", key: "k10" }))
  // of objects inside only the values count
  expect(bounded(`{"a":${members(98)}}`)).not.toThrow()
  expect(bounded(values(98))).not.toThrow()
  expect(bounded(values(99))).toThrow("more than 100 values")
})

test("keys with escapes, white space and digits without end are faults where they get too long", () => {
  const long = 3_000_000
  expect(faultOf(`{"${"\\n".repeat(long)}":1}`)?.offset).toBeLessThan(100_000)
  expect(faultOf(`{"a":1${" ".repeat(long)}}`)?.offset).toBeLessThan(1_100_000)
  expect(faultOf(`{"a":${"1".repeat(long)}}`)?.offset).toBeLessThan(100_000)
})
