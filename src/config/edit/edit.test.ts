import { describe, expect, test } from "bun:test"
import { parse } from "yaml"
import { appendEntry, applyEdits, setKey } from "./edit.ts"
import { yamlText, type ListEntry } from "./nodes.ts"

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
      const text = appendEntry(before, ["callers"], ENTRY)
      expect(text).toBe(after)
      expect((parse(after) as { readonly callers: readonly unknown[] }).callers.at(-1)).toEqual(NEW)
    })
  }
})

/** The same below the top: further tokens of the second caller. */
const NESTED: readonly (readonly [name: string, before: string, after: string])[] = [
  [
    "a list that is missing, in a block",
    "callers:\n  - id: one\n  - id: two # why\n    allow:\n      - x # last\n    # behind\n\n  # three\n  - id: three\n",
    "callers:\n  - id: one\n  - id: two # why\n    allow:\n      - x # last\n    tokens:\n      - id: new\n        allow: [a, b]\n    # behind\n\n  # three\n  - id: three\n",
  ],
  [
    "a list that is missing, in brackets over two lines",
    "callers:\n  - { id: one }\n  - { id: two,\n      allow: [x] } # why\n",
    "callers:\n  - { id: one }\n  - { id: two,\n      allow: [x], tokens: [{ id: new, allow: [a, b] }] } # why\n",
  ],
  [
    "a list that is empty, in brackets",
    "callers: [{ id: one }, { id: two, tokens: [], allow: [x] }]\n",
    "callers: [{ id: one }, { id: two, tokens: [{ id: new, allow: [a, b] }], allow: [x] }]\n",
  ],
  [
    "a list that is there, in a block",
    "callers:\n  - id: one\n  - id: two\n    tokens:\n    - id: old # kept\n    allow: [x]\n",
    "callers:\n  - id: one\n  - id: two\n    tokens:\n    - id: old # kept\n    - id: new\n      allow: [a, b]\n    allow: [x]\n",
  ],
]

describe("an entry is added to a list inside an entry", () => {
  for (const [name, before, after] of NESTED) {
    test(name, () => {
      const text = appendEntry(before, ["callers", 1, "tokens"], ENTRY)
      expect(text).toBe(after)
      const { callers } = parse(text ?? "") as { readonly callers: readonly { readonly tokens?: readonly unknown[] }[] }
      expect(callers[1]?.tokens?.at(-1)).toEqual(NEW)
    })
  }
})

describe("a value is set", () => {
  for (const [name, before, after] of [
    [
      "that is missing, in a block",
      "callers:\n  - id: one\n    x: |\n      text\n\n# end\n",
      'callers:\n  - id: one\n    x: |\n      text\n    until: "T"\n\n# end\n',
    ],
    ["that is missing, in brackets", "callers: [{ id: one }] # x\n", 'callers: [{ id: one, until: "T" }] # x\n'],
    ["in place of another", "callers:\n- until: '1' # was\n  id: one\n", 'callers:\n- until: "T" # was\n  id: one\n'],
  ] as const) {
    test(name, () => {
      const text = setKey(before, ["callers", 0], "until", '"T"')
      expect(text).toBe(after)
      expect(parse(text ?? "")).toMatchObject({ callers: [{ id: "one", until: "T" }] })
    })
  }

  for (const yaml of [
    "a: &x { id: one }\ncallers: [*x]\n",
    "callers: [&x { id: one }]\n",
    "callers: &x [{ id: one }]\nother: *x\n",
    "callers: [{ id: one, until: [1] }]\n",
    "callers:\n  - id: one\n    until:\n",
    "callers: []\n",
    "callers: [{}]\n",
    "callers: [\n",
  ]) {
    test(`except where that cannot be done safely: ${JSON.stringify(yaml)}`, () => {
      expect(setKey(yaml, ["callers", 0], "until", '"T"')).toBeNull()
    })
  }
})

describe("a list takes the place of a list", () => {
  for (const [name, before, after] of [
    ["in brackets", "callers: [{ id: one, x: [a, b], y: 1 }]\n", "callers: [{ id: one, x: [c], y: 1 }]\n"],
    [
      "in a block",
      "callers:\n  - id: one\n    x:\n      - a\n      - b\n    # behind\n    y: 1\n",
      "callers:\n  - id: one\n    x: [c]\n    # behind\n    y: 1\n",
    ],
  ] as const) {
    test(name, () => expect(setKey(before, ["callers", 0], "x", "[c]")).toBe(after))
  }

  test("except where a comment would be lost", () => {
    expect(setKey("callers:\n  - x:\n      - a # why\n      - b\n", ["callers", 0], "x", "[c]")).toBeNull()
  })
})

describe("mappings are added to a mapping", () => {
  const entries = [
    ["new", [["model", "n"]]],
    ["4.1", [["model", "o"]]],
  ] as const
  for (const [name, before, after] of [
    [
      "behind the last one and the comments about it",
      "p:\n  a:\n    models:\n      old:\n        model: x # why\n        # about x\n\n  # about b\n  b: 1\n",
      'p:\n  a:\n    models:\n      old:\n        model: x # why\n        # about x\n      new:\n        model: n\n      "4.1":\n        model: o\n\n  # about b\n  b: 1\n',
    ],
    [
      "in brackets",
      "p: { a: { models: { old: { model: x } } } } # y\n",
      'p: { a: { models: { old: { model: x }, new: { model: n }, "4.1": { model: o } } } } # y\n',
    ],
    [
      "that is empty",
      "p:\n  a:\n    models: {} # none\n    x: 1\n",
      'p:\n  a:\n    models: # none\n      new:\n        model: n\n      "4.1":\n        model: o\n    x: 1\n',
    ],
    [
      "that has no value",
      "p:\n  a:\n    models:\n    x: 1\n",
      'p:\n  a:\n    models:\n      new:\n        model: n\n      "4.1":\n        model: o\n    x: 1\n',
    ],
    [
      "that is missing, in a block",
      "p:\n  a:\n    x: 1\nq: 1\n",
      'p:\n  a:\n    x: 1\n    models:\n      new:\n        model: n\n      "4.1":\n        model: o\nq: 1\n',
    ],
    [
      "that is missing, in brackets",
      "p: { a: { x: 1 } }\n",
      'p: { a: { x: 1, models: { new: { model: n }, "4.1": { model: o } } } }\n',
    ],
  ] as const) {
    test(name, () => expect(applyEdits(before, [{ path: ["p", "a", "models"], entries }])).toBe(after))
  }

  test("that is missing at the top of the file", () => {
    const text = applyEdits("p: 1 # x\n", [{ path: ["models"], entries: [["g", [["targets", "[]"]]]] }])
    expect(text).toBe("p: 1 # x\nmodels:\n  g:\n    targets: []\n")
  })

  for (const yaml of [
    "p: { a: &x { models: {} } }\n",
    "p: { a: { models: [] } }\n",
    "p: {}\n",
    "p: { a: { models: } }\n",
  ])
    test(`except where that cannot be done safely: ${JSON.stringify(yaml)}`, () => {
      expect(applyEdits(yaml, [{ path: ["p", "a", "models"], entries }])).toBeNull()
    })
})

describe("a file is left alone", () => {
  for (const yaml of [
    "{ callers: [] }",
    "callers: &a\n  - x\n",
    "callers: { a: 1 }\n",
    "users: []\n...\n",
    "a: [\n",
    "- a\n",
  ]) {
    test(`where it cannot be edited safely: ${JSON.stringify(yaml)}`, () => {
      expect(appendEntry(yaml, ["callers"], ENTRY)).toBeNull()
    })
  }
})

test("texts are quoted where YAML would read something else", () => {
  for (const text of ["plain", "a@b.example", "true", "no", "42", "a: b", "#x", 'qu"ote', "- x", "*a", "null", "é"]) {
    expect(parse(`value: ${yamlText(text)}`)).toEqual({ value: text })
  }
})
