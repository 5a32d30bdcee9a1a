import { describe, expect, test } from "bun:test"
import { parse } from "yaml"
import { appendEntry, yamlText, type ListEntry } from "./insert.ts"

const ENTRY: ListEntry = [
  ["id", "new"],
  ["allow", "[a, b]"],
]
const NEW = { id: "new", allow: ["a", "b"] }

/** What stands in the file before and after; the text around must stay byte for byte. */
const CASES: readonly (readonly [name: string, before: string, after: string])[] = [
  [
    "after the last item of a block list, with its indentation",
    "# head\ncallers:\n  - id: one # why\n    x: 1\n\n# tail\nmodels: {}\n",
    "# head\ncallers:\n  - id: one # why\n    x: 1\n  - id: new\n    allow: [a, b]\n\n# tail\nmodels: {}\n",
  ],
  [
    "after a list that is not indented",
    "callers:\n- { id: one,\n    x: 1 }   # end\nusers: []\n",
    "callers:\n- { id: one,\n    x: 1 }   # end\n- id: new\n  allow: [a, b]\nusers: []\n",
  ],
  [
    "after the last line of a file that does not end its last line",
    "callers:\n  - id: one",
    "callers:\n  - id: one\n  - id: new\n    allow: [a, b]\n",
  ],
  [
    "in place of an empty list",
    "callers: []  # none\nusers: []\n",
    "callers:  # none\n  - id: new\n    allow: [a, b]\nusers: []\n",
  ],
  [
    "under a key with nothing behind it",
    "callers: # none\nusers: []\n",
    "callers: # none\n  - id: new\n    allow: [a, b]\nusers: []\n",
  ],
  [
    "into a list in brackets",
    "callers: [{ id: one }] # x\n",
    "callers: [{ id: one }, { id: new, allow: [a, b] }] # x\n",
  ],
  ["as a new section", "users: []", "users: []\n\ncallers:\n  - id: new\n    allow: [a, b]\n"],
  ["into a file of comments", "# nothing yet\n", "# nothing yet\n\ncallers:\n  - id: new\n    allow: [a, b]\n"],
  [
    "after a block text",
    "callers:\n  - id: one\n    note: |\n      two\n      lines\n\nusers: []\n",
    "callers:\n  - id: one\n    note: |\n      two\n      lines\n  - id: new\n    allow: [a, b]\n\nusers: []\n",
  ],
]

describe("an entry is added", () => {
  for (const [name, before, after] of CASES) {
    test(name, () => {
      const text = appendEntry(before, "callers", ENTRY)
      expect(text).toBe(after)
      expect((parse(after) as { readonly callers: readonly unknown[] }).callers.at(-1)).toEqual(NEW)
    })
  }
})

describe("a file that cannot be edited safely is left alone", () => {
  for (const yaml of [
    "{ callers: [] }",
    "callers: &a\n  - x\n",
    "callers: { a: 1 }\n",
    "users: []\n...\n",
    "a: [\n",
    "- a\n",
  ]) {
    test(JSON.stringify(yaml), () => {
      expect(appendEntry(yaml, "callers", ENTRY)).toBeNull()
    })
  }
})

test("texts are quoted where YAML would read something else", () => {
  for (const text of ["plain", "a@b.example", "true", "no", "42", "a: b", "#x", 'qu"ote', "- x", "*a", "null", "é"]) {
    expect(parse(`value: ${yamlText(text)}`)).toEqual({ value: text })
  }
})
