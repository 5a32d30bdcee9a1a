/** Ways to write imports that no script may have. */

/** Each imports `./m.ts` with attributes. */
export const ATTRIBUTES: readonly string[] = [
  'import { tag } from "./m.ts" with { type: "macro" }',
  'import { tag } from "./m.ts" with /* any comment */ { type: "macro" }',
  'import { tag } from "./m.ts" with { /* } */ type: "macro" }',
  'import { tag } from "./m.ts" with // {\n { type: "macro" }',
  'import { tag } from "./m.ts"\n/* */with\n{\ntype:\n"macro" }',
  'import { tag } from "./m.ts" assert { type: "macro" }',
  'import { tag } from "./m.ts" with { type: "\\u006dacro" }',
  'import { tag } from "./m.ts" with { type: "m\\x61cro" }',
  'import { tag } from "./m.ts" with { "type": "macro" }',
  'import { tag } from "./m.ts" with { "a}": "b", type: "macro" }',
  'import { tag } from "./m.ts" with { x: "}", type: "macro" }',
  'import { tag } from "./m.ts" wi\\u0074h { type: "macro" }',
  'import { tag as from } from "./m.ts" with { type: "macro" }; const tag = from',
  'import tag from "./m.ts" with { type: "macro" }',
  'import tag, * as all from "./m.ts" with { type: "macro" }',
  'import * as all from "./m.ts" with { type: "macro" }; const tag = all.tag',
  'import "./m.ts" with { type: "macro" }; const tag = () => 0',
  'import { "tag" as tag } from "./m.ts" with { type: "macro" }',
  'import type { tag } from "./m.ts" with { type: "macro" }',
  'import defer * as all from "./m.ts" with { type: "macro" }; const tag = () => all.tag()',
  'export { tag } from "./m.ts" with { type: "macro" }',
  'export * from "./m.ts" with { type: "macro" }',
  'export * as all from "./m.ts" with { type: "macro" }',
  'const tag = () => import("./m.ts", { with: { type: "macro" } })',
  "const tag = () => import(`./m.ts`, { with: { type: 'macro' } })",
  'const tag = () => import.defer("./m.ts", { with: { type: "macro" } })',
  'const re = /"/; import { tag } from "./m.ts" with { type: "macro" }; const e = /"/',
  'const text = `${`}"`}`; import { tag } from "./m.ts" with { type: "macro" }',
]

/** Each imports `scheme:./m.ts`. */
export const SCHEMES: readonly string[] = [
  'import { tag } from "macro:./m.ts"',
  'import { tag } from /**/ "macro:./m.ts"',
  'import { tag } from "\\u006dacro:./m.ts"',
  'import { tag } from "m\\u{61}cro:./m.ts"',
  'import { tag } from "mac\\\nro:./m.ts"',
  'export { tag } from "macro:./m.ts"',
  'import "macro:./m.ts"',
  'const tag = () => import("macro:./m.ts")',
]
