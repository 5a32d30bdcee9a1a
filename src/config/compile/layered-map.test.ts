import { expect, test } from "bun:test"
import fc from "fast-check"
import { LayeredMap } from "./layered-map.ts"

const change = fc.oneof(
  fc.record({ is: fc.constant("set" as const), key: fc.constantFrom("a", "b", "c", "d", "e"), value: fc.nat(9) }),
  fc.record({ is: fc.constant("delete" as const), key: fc.constantFrom("a", "b", "c", "d", "e"), value: fc.nat(9) }),
  fc.record({ is: fc.constant("layer" as const), key: fc.constant(""), value: fc.nat(9) }),
)

test("layers over layers say what one map would, and leave those below as they were", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), (changes) => {
      let [map, plain] = [new LayeredMap<number>(), new Map<string, number>()]
      const below: (readonly [LayeredMap<number>, Map<string, number>])[] = []
      for (const { is, key, value } of changes) {
        if (is === "set") {
          map.set(key, value)
          plain.set(key, value)
        } else if (is === "delete") {
          map.delete(key)
          plain.delete(key)
        } else {
          below.push([map, plain])
          map = new LayeredMap(map)
          plain = new Map(plain)
        }
      }
      for (const [layered, expected] of [...below, [map, plain] as const]) {
        const sorted = (entries: Iterable<[string, number]>) => [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1))
        expect(sorted(layered)).toEqual(sorted(expected))
        expect(layered.size).toBe(expected.size)
        for (const key of "abcdefg")
          expect([layered.get(key), layered.has(key)]).toEqual([expected.get(key), expected.has(key)])
        expect([...layered.keys()].length + [...layered.values()].length).toBe(2 * expected.size)
      }
    }),
  )
})
