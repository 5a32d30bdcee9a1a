import { expect, test } from "bun:test"
import { omitFields, type FieldPath } from "./omit.ts"
import { scanObject } from "./scan.ts"

function omit(text: string, ...paths: readonly FieldPath[]): [string, readonly string[]] {
  const { bytes, omitted } = omitFields(scanObject(Buffer.from(text), 512), paths)
  return [Buffer.from(bytes).toString(), omitted]
}

test("every other byte stays", () => {
  expect(omit('{ "a" : 1.0 , "b":{"c" :2, "d": 3},"e":[ ] }', ["a"], ["b", "c"])).toEqual([
    '{"b":{"d": 3},"e":[ ]}',
    ["a", "b.c"],
  ])
})

test("an object without the fields is the same bytes", () => {
  const body = scanObject(Buffer.from('{"a":1,"b":2}'), 512)
  expect(omitFields(body, [["c"], ["a", "x"]]).bytes).toBe(body.bytes)
})

test("first, last, only and doubled members are left out", () => {
  expect(omit('{"a":1,"b":2}', ["b"])[0]).toBe('{"a":1}')
  expect(omit('{"a":1,"b":2}', ["a"])[0]).toBe('{"b":2}')
  expect(omit('{"a":1}', ["a"])[0]).toBe("{}")
  expect(omit('{"a":1,"b":2,"a":3}', ["a"])[0]).toBe('{"b":2}')
})
