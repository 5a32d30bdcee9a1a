/** What the scan notes, beside what a walk through the parsed value finds. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { scanObject } from "./scan.ts"
import { HIDDEN, KEY, KEY_NAMES, TYPE, TYPE_NAMES } from "./watched-names.ts"
import { expectProperty } from "../../test/helpers/property.ts"

const WATCHED = ["file_id", "file_ids", "file_url", "container", "tool_calls", "call_id", "signature", "type", "id"]
const OTHERS = ["text", "role", "tipe", "file_ix", "ids", "ix", "content", "a", "", "signaturf", "été"]
const TYPES = ["image", "image_url", "document", "tool_use", "item_reference", "additional_tools", "video"]
const WORDS = ["function", "imagf", "text", "docs", "", "image_url_", "im", "string", "reasoning"]

interface Written {
  readonly value: unknown
  readonly text: string
}

const name = (words: readonly string[]): fc.Arbitrary<Written> =>
  fc.tuple(fc.constantFrom(...words), fc.option(fc.nat(9))).map(([value, escaped]) => {
    const at = escaped ?? Infinity
    const letter = value.charCodeAt(at)
    if (Number.isNaN(letter)) return { value, text: JSON.stringify(value) }
    const escape = `\\u${letter.toString(16).padStart(4, "0")}`
    return { value, text: `"${value.slice(0, at)}${escape}${value.slice(at + 1)}"` }
  })
const plain = (value: unknown): Written => ({ value, text: JSON.stringify(value) })

const { json } = fc.letrec<{ json: Written; list: Written; object: Written }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    name([...TYPES, ...WORDS]),
    fc.constantFrom(null, "", 7, true, [], {}).map(plain),
    tie("list"),
    tie("object"),
  ),
  list: fc.array(tie("json"), { maxLength: 4 }).map((items) => ({
    value: items.map(({ value }) => value),
    text: `[ ${items.map(({ text }) => text).join(" ,")}]`,
  })),
  object: fc
    .uniqueArray(fc.tuple(name([...WATCHED, ...OTHERS]), tie("json")), { maxLength: 5, selector: ([key]) => key.value })
    .map((members) => ({
      value: Object.fromEntries(members.map(([key, { value }]) => [key.value, value])),
      text: `{${members.map(([key, { text }]) => `${key.text} : ${text}`).join(",\n")}}`,
    })),
}))

function isFilled(value: unknown): boolean {
  return value !== null && (typeof value !== "object" ? value !== "" : Object.keys(value).length > 0)
}

interface Found {
  names: number
  readonly marks: unknown[]
  readonly pointers: unknown[]
}

function walk(value: unknown, found: Found): void {
  if (typeof value !== "object" || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    if (!Array.isArray(value)) {
      const isType = key === "type" && typeof inner === "string"
      const bit = isType ? TYPE_NAMES.of(inner) : isFilled(inner) ? KEY_NAMES.of(key) : 0
      found.names |= bit
      if ((bit & (KEY.fileId | KEY.fileUrl)) !== 0) found.pointers.push(inner)
      if ((bit & (KEY.fileId | KEY.fileUrl | TYPE.image | TYPE.file)) !== 0) found.marks.push(inner)
    }
    walk(inner, found)
  }
}

function ofElements(list: unknown, key: string): unknown[] {
  if (typeof list !== "object" || list === null) return []
  return Object.values(list).flatMap((item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item) && Object.hasOwn(item, key)
      ? [(item as Readonly<Record<string, unknown>>)[key]]
      : [],
  )
}

test("what is noted of each member is what is there, however it is spelled", () => {
  expectProperty(
    fc.property(fc.array(json, { minLength: 1, maxLength: 3 }), (values) => {
      const text = `{${values.map((one, index) => `"m${index}":${one.text}`).join(",")}}`
      const body = scanObject(Buffer.from(text), 512)
      const at = (offset: number): unknown => firstValue(Buffer.from(text).subarray(offset).toString())
      const all: Found = { names: 0, marks: [], pointers: [] }
      for (const [index, { value }] of values.entries()) {
        const found: Found = { names: 0, marks: all.marks, pointers: all.pointers }
        walk(value, found)
        expect((body.members[index]?.names ?? 0) & ~HIDDEN).toBe(found.names)
      }
      expect(body.marks.map(at)).toEqual(all.marks)
      expect(body.pointers.map(at)).toEqual(all.pointers)
      const lists = values.map(({ value }) => value)
      expect(body.elements.map(at)).toEqual(lists.flatMap((list) => (Array.isArray(list) ? (list as unknown[]) : [])))
      expect(body.types.map(at)).toEqual(lists.flatMap((list) => ofElements(list, "type")))
      expect(body.ids.map(at)).toEqual(lists.flatMap((list) => ofElements(list, "id")))
    }),
    3000,
  )
})

/** The value that a text begins with. */
function firstValue(text: string): unknown {
  const object = scanObject(Buffer.from(`{"x":${closed(text)}}`), 512)
  const [member] = object.members
  return JSON.parse(Buffer.from(object.bytes).toString("utf8", member?.start, member?.end))
}

/** Up to the end of the first value, by trying. */
function closed(text: string): string {
  for (let end = 1; end <= text.length; end++) {
    try {
      JSON.parse(text.slice(0, end))
    } catch {
      continue
    }
    if (!/^[\d.eE+-]/u.test(text.slice(end)) || !/^-?\d/u.test(text)) return text.slice(0, end)
  }
  return text
}

test("names that are hidden behind escapes are told", () => {
  const hides = (text: string): boolean =>
    scanObject(Buffer.from(`{"m":${text}}`), 512).members.some(({ names }) => (names & HIDDEN) !== 0)
  for (const text of [
    String.raw`{"\u0066ile_id":"x"}`,
    String.raw`[{"i\u0064":"x"}]`,
    String.raw`{"typ\u0065":"x"}`,
    String.raw`[[{"type":"\u0069tem_reference"}]]`,
    String.raw`{"type":"item_referenc\u0065"}`,
  ])
    expect([text, hides(text)]).toEqual([text, true])
  for (const text of [
    String.raw`{"\u00e9t\u00e9":"x","file_id":"\u0066"}`,
    String.raw`{"type":"\u00e9"}`,
    String.raw`"\u0066ile_id"`,
    String.raw`{"a":"{\"\u0066ile_id\":1}"}`,
  ])
    expect([text, hides(text)]).toEqual([text, false])
})

test("types that are broken, or end with the text, are faults and nothing else", () => {
  for (const text of [
    '{"m":{"type":"im',
    '{"m":{"type":"\\',
    '{"m":{"type":"\\u00',
    '{"m":{"type":"\\x"}}',
    '{"m":{"type":',
  ])
    expect(() => scanObject(Buffer.from(text), 512)).toThrow()
})
