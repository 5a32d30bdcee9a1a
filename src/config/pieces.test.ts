import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { KEYS, loadText, SMALLEST } from "../../test/helpers/load-text.ts"
import { runs, WHOLE } from "../../test/helpers/sample.ts"
import { readTree } from "./document.ts"
import { collector, formatPath } from "./findings.ts"
import { NotInPieces, outlineOf, type PieceBounds } from "./pieces.ts"
import { FoundPlaces } from "./places.ts"
import { configSchema } from "./schema.ts"
import type { Path } from "./schema/inspect.ts"
import { expectProperty } from "../../test/helpers/property.ts"

/** Every list is a long one, and every item a piece. */
const FINEST: PieceBounds = { shortestList: 1, shortestPiece: 1 }

const SOURCES = { variable: (name: string) => (name === "KNOWN" ? "known-value" : undefined), file: () => undefined }

/** All that comes out of reading; "whole" where the text cannot be read in pieces. */
function readings(text: string, bounds: PieceBounds | null) {
  const places = new FoundPlaces()
  const { report, all } = collector(places)
  try {
    const { value, unresolved, expanded, secrets } = readTree(text, configSchema, SOURCES, places, report, bounds)
    const where = pathsOf(value).map((path) => [formatPath(path), places.get(path)])
    return { value, unresolved, expanded: [...expanded], secrets, findings: all(), where }
  } catch (error) {
    if (error instanceof NotInPieces) return "whole"
    throw error
  }
}

function pathsOf(value: unknown, path: Path = []): readonly Path[] {
  if (typeof value !== "object" || value === null) return [path]
  const entries: (readonly [string | number, unknown])[] = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value)
  return [path, ...entries.flatMap(([key, inner]) => pathsOf(inner, [...path, key]))]
}

const HEAD = "server: { listen: ':1' }\nproviders: &anchor\n  alpha: { base_url: 'http://h/' }\n"
const LISTS = `# people
users:   # who
  - { id: a, name: "A # b: - c", type: person }
  # between
  - id: &id b
    name: >-
      folded
       - more

      text
  -
    id: 'c
      d'
  - *id
  - &all { id: e, tags: [ 1, 0x1f, 1e3,
      on, ~ ] }
projects:
- id: x
  name: |2
     keeps
  quota: { day: { tokens: 5 } }
- &y
  id: y
  <<: *all
- ? id
  : "z\\u0041"
- <<: [*all, *y]
  id: w
  unknown_key: \${KNOWN}
callers:
    - id: \${MISSING}
      token_sha256: 0123456789
      allow: [ default , "b" ]
      rate:
        rpm: 10
        rpm: 20
    - - nested
      - list
    - plain
      goes on
    - "quoted"
`

describe("a list read item by item says the same as the whole text", () => {
  test("for every kind of item, with anchors from one to the other", () => {
    const text = HEAD + LISTS
    const inPieces = readings(text, FINEST)
    expect(inPieces).toBeObject()
    expect(readings(text, null)).toEqual(inPieces)
    expect(outlineOf(text, FINEST)?.lists.map(({ pieces }) => pieces.length)).toEqual([5, 4, 4])
  })

  test("whatever is changed in the text", () => {
    const text = HEAD + LISTS
    const scrap = fc.constantFrom(
      ..."- |: |'|\"|\n|\n- |\n  - |\n    |{|}|[|]|,|#| #|&a |*a|*id|<<: *all|? |>-\n|!!str |%|---\n|...\n|\t|  |\r\n|x|0|users:\n|callers:|\\".split(
        "|",
      ),
      "|",
    )
    const edit = fc.record({ at: fc.nat(text.length), cut: fc.nat(6), put: scrap })
    let inPieces = 0
    expectProperty(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 2 }), (edits) => {
        let changed = text
        for (const { at, cut, put } of edits) changed = changed.slice(0, at) + put + changed.slice(at + cut)
        const found = readings(changed, FINEST)
        if (found === "whole") return
        inPieces += 1
        expect(readings(changed, null)).toEqual(found)
      }),
      500,
    )
    expect(inPieces).toBeGreaterThan(runs(500).numRuns / 25)
  })

  test("except where a name means one thing here and another there", () => {
    const text = "users:\n- &a { id: one }\n- *a\n- &b { id: two }\n"
    expect(readings(text, FINEST)).toBeObject()
    expect(readings(text.replace("&b", "&a"), FINEST)).toBe("whole")
    expect(readings(`${text}callers: &x\n- *a\n`, FINEST)).toBeObject()
    expect(readings(`${text}users:\n- { id: again }\n`, FINEST)).toBe("whole")
    expect(readings(`${text}...\n---\nusers:\n- { id: again }\n`, FINEST)).toBe("whole")
  })

  test("with the line and column of every finding in a large file", () => {
    const callers = Array.from({ length: WHOLE ? 1500 : 800 }, (_, index) => [
      `  - { id: c${index}, owner_user: me, project: lab, environment: dev, allow: [default],`,
      `      token_sha256: ${String(index).padStart(64, "0")}, rate: { rpm: ${index % 700 === 99 ? "many" : "1"} } }`,
    ])
    const [before = ""] = SMALLEST.split("callers:")
    const head = `${before}callers:\n`
    const { findings } = loadText(head + callers.flat().join("\n"), { env: KEYS })
    const first = head.split("\n").length
    expect(findings.filter(({ severity }) => severity === "error")).toMatchObject(
      (WHOLE ? [99, 799, 1499] : [99, 799]).map((index) => ({
        code: "wrong-type",
        path: `callers[${index}].rate.rpm`,
        line: first + index * 2 + 1,
        column: `      token_sha256: ${"0".repeat(64)}, rate: { rpm: `.length + 1,
      })),
    )
  })
})
