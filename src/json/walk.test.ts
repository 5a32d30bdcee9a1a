import { expect, test } from "bun:test"
import fc from "fast-check"
import { eachItem, eachMember, endOf } from "./walk.ts"
import { expectProperty } from "../../test/helpers/property.ts"

const quoted = fc.array(fc.constantFrom("\\", '"', "a", "/", "€"), { maxLength: 12 }).map((parts) => parts.join(""))
const value = fc.jsonValue({ maxDepth: 4 })
const anyValue = fc.oneof(value, quoted, fc.array(quoted), fc.dictionary(quoted, fc.oneof(value, quoted)))

test("a value ends where it ends", () => {
  expectProperty(
    fc.property(anyValue, fc.nat(3), fc.constantFrom("", ",1", "}", " ]"), (one, indent, behind) => {
      const text = JSON.stringify(one, null, indent)
      expect(endOf(Buffer.from(`  ${text}${behind}`), 2)).toBe(2 + Buffer.byteLength(text))
    }),
    1000,
  )
})

test("every item and every member is seen once, in its order", () => {
  expectProperty(
    fc.property(fc.array(anyValue), fc.constantFrom(0, 2), (list, indent) => {
      const json = Buffer.from(JSON.stringify(list, null, indent))
      const seen: unknown[] = []
      const end = eachItem(json, 0, (at) => {
        seen.push(JSON.parse(json.toString("utf8", at, endOf(json, at))))
        return endOf(json, at)
      })
      expect(JSON.stringify(seen)).toBe(JSON.stringify(list))
      expect(end).toBe(json.length)
    }),
  )
  expectProperty(
    fc.property(fc.array(fc.tuple(quoted, anyValue)), fc.constantFrom("", " "), (members, space) => {
      const parts = members.map(([key, one]) => `${JSON.stringify(key)}${space}:${space}${JSON.stringify(one)}`)
      const json = Buffer.from(`{${space}${parts.join(`${space},${space}`)}${space}}`)
      const seen: [string, unknown][] = []
      const end = eachMember(json, 0, (key, at) => {
        seen.push([key, JSON.parse(json.toString("utf8", at, endOf(json, at)))])
        return endOf(json, at)
      })
      expect(JSON.stringify(seen)).toBe(JSON.stringify(members))
      expect(end).toBe(json.length)
    }),
  )
})

test("the walk ends where its visitor has seen enough", () => {
  const json = Buffer.from("[1, 2, 3]")
  const seen: number[] = []
  expect(eachItem(json, 0, (at) => (seen.push(at) === 2 ? -1 : endOf(json, at)))).toBe(-1)
  expect(seen).toEqual([1, 4])
})
