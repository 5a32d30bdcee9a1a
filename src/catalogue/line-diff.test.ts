/** A diff holds what is needed to make the one text of the other. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { expectProperty } from "../../test/helpers/property.ts"
import { lineDiff } from "./line-diff.ts"

test("lines around changes are shown, and places", () => {
  const before = "a\nb\nc\nd\ne\nf\ng\nh\n"
  const after = "a\nb\nc\nd\nnew\ne\nf\ng\nH\n"
  expect(lineDiff(before, after)).toBe("@@ -2,8 +2,9 @@\n b\n c\n d\n+new\n e\n f\n g\n-h\n+H\n ")
  expect(lineDiff(before, before)).toBe("")
})

/** What `patch` does. */
function patched(before: string, diff: string): string {
  const old = before.split("\n")
  const made: string[] = []
  let at = 0
  for (const line of diff === "" ? [] : diff.split("\n")) {
    const from = /^@@ -(\d+),/.exec(line)?.[1]
    if (from !== undefined) while (at < Number(from) - 1) made.push(old[at++]!)
    else if (line.startsWith("+")) made.push(line.slice(1))
    else {
      expect(old[at]).toBe(line.slice(1))
      if (line.startsWith(" ")) made.push(line.slice(1))
      at += 1
    }
  }
  return [...made, ...old.slice(at)].join("\n")
}

test("the diff of any two texts makes the second of the first", () => {
  const text = fc
    .array(fc.constantFrom("a", "b", "c", "", "  x: 1"), { maxLength: 30 })
    .map((lines) => lines.join("\n"))
  expectProperty(
    fc.property(text, text, (before, after) => expect(patched(before, lineDiff(before, after))).toBe(after)),
  )
})
