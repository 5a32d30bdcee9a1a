import { expect, test } from "bun:test"
import { ATTRIBUTES, SCHEMES } from "../../../../test/helpers/import-spellings.ts"
import { importsOf, whyRefused } from "./imports.ts"

for (const source of ATTRIBUTES)
  test(`an import with attributes is refused: ${JSON.stringify(source)}`, () => {
    const [one, ...more] = importsOf(source)
    expect([one?.specifier, one?.hasAttributes, more]).toEqual(["./m.ts", true, []])
    expect(whyRefused(one!)).toContain("attributes")
  })

for (const source of SCHEMES)
  test(`an import with a scheme is refused: ${JSON.stringify(source)}`, () => {
    const [one, ...more] = importsOf(source)
    expect([one?.specifier, more]).toEqual(["macro:./m.ts", []])
    expect(whyRefused(one!)).toContain("it has no access to the system")
  })

test("modules of the system are refused with and without their scheme", () => {
  for (const name of [
    "node:fs",
    "fs",
    "fs/promises",
    "bun",
    "bun:ffi",
    "data:text/javascript,1",
    "HTTP://a/b",
    "file:///a",
  ])
    expect(importsOf(`import ${JSON.stringify(name)}`).map(whyRefused)).toEqual([expect.stringContaining("no access")])
})

/** What is imported, in order. */
const PLAIN: Readonly<Record<string, readonly string[]>> = {
  'import a, { b as c } from "./x"; export * from "y"; export * as z from "z"': ["./x", "y", "z"],
  'import a from "x"\nwith (a) {}': ["x"],
  'import type { A } from "./a.d.ts"; import { type B } from "./b.ts"': ["./a.d.ts", "./b.ts"],
  'import x = require("x"); const y = require("y", 1), z = module.require("z")': ["x", "y"],
  "const a = import('a',), b = import(name), c = import.meta.url, d = a.import('d')": ["a"],
  '// import "a"\n/* import "b" */ const c = "import \'c\'", d = `import "d"`, e = /import "e"/': [],
  'const half = total / 2; import "a"; const b = c / d; import "e"': ["a", "e"],
  'if (a) /import "x"/.test(b); const c = (d) / 2; import "e"; f(/"/)': ["e"],
  'function f() {} /import "x"/.test(a); const b = { c: 1 } / 2; import "e"': ["e"],
  'const a = b++ / 2, c = d.return / 3; import "e"; const g = /[/"]/': ["e"],
  'const a = `${f({ b: "}" })}`; import "c"': ["c"],
  'export const from = 1, a = "b"; export { from }; export default from': [],
  'export type { A } from "./a.ts"; export function route() { return "b" }': ["./a.ts"],
  '#!/usr/bin/env "x"\nimport "a"': ["a"],
}

test("tokens of a text that is written to take long are found in time in proportion to it", () => {
  for (const part of ['"\\"', "`\\`", "/*", "/[", "import ", "import { ", "export { from", "${", "`${", "{(", "a/"]) {
    const few = importsOf(part.repeat(1000))
    expect([part, importsOf(part.repeat(50_000)).length >= few.length]).toEqual([part, true])
  }
})

for (const [source, specifiers] of Object.entries(PLAIN))
  test(`imports are told from what looks like them: ${JSON.stringify(source)}`, () => {
    const found = importsOf(source)
    expect(found.map(({ specifier }) => specifier)).toEqual([...specifiers])
    expect(found.filter(({ hasAttributes }) => hasAttributes)).toEqual([])
  })
