/** A bundle holds the code of the script's folder and of its packages, and making it runs nothing. */
import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { runInNewContext } from "node:vm"
import { ATTRIBUTES, SCHEMES } from "../../../../test/helpers/import-spellings.ts"
import { bundle } from "./bundler.ts"

const root = mkdtempSync(join(tmpdir(), "bundler-"))
afterAll(() => rmSync(root, { recursive: true }))

let folders = 0

/** A folder `scripts`, with more beside it. Returns the script's path. */
function written(files: Readonly<Record<string, string>>, script = "route.ts"): string {
  const folder = join(root, String(folders++), "scripts")
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return join(folder, script)
}

/** What the script's `route()` returns. */
async function routed(script: string): Promise<unknown> {
  const { code, message } = await bundle(script)
  expect(message).toBe("")
  let answer: unknown
  const expose = (route: () => unknown): void => void (answer = route())
  runInNewContext(code ?? "", { expose })
  return answer
}

const SECRET = "sk-live-1234"
const ROUTE = "export const route = () => tag()"

test.each([...ATTRIBUTES, ...SCHEMES].map((spelling) => [spelling] as const))(
  "no code runs while a script is bundled, and the script is refused: %j",
  async (spelling) => {
    const proof = join(root, `proof-${folders}`)
    // of another name each time, since a macro's module is kept
    const name = `m${folders}.ts`
    const macro = `import { writeFileSync } from "node:fs"\nwriteFileSync(${JSON.stringify(proof)}, "ran")\nexport function tag() { return 1 }\nexport default tag`
    const source = spelling.replace("m.ts", name)
    const rest = source.startsWith("export") ? "export const route = 1" : ROUTE
    for (const script of [
      written({ [name]: macro, "route.ts": `${source}\n${rest}` }),
      written({
        [name]: macro,
        "node_modules/lib/index.js": `${source}\n${source.startsWith("export") ? "" : "export { tag }"}`,
        "route.ts": 'import * as lib from "lib"\nexport const route = () => lib.tag()',
      }),
    ]) {
      const { code, message } = await bundle(script)
      expect(code).toBeNull()
      expect(message).not.toBe("")
      expect(existsSync(proof)).toBe(false)
    }
  },
)

test("an import in the middle of others is refused with its place", async () => {
  const lib = 'import { b } from "./b.ts" with { type: "macro" }\nexport const tag = b'
  const script = written({
    "lib/a.ts": lib,
    "lib/b.ts": "export const b = 1",
    "route.ts": `import { tag } from "./lib/a"\n${ROUTE}`,
  })
  const { message } = await bundle(script)
  expect(message).toBe(
    'lib/a.ts:1:19 the import of "./b.ts" has attributes, and a script\'s imports may have none: import code',
  )
})

test("the bundler itself runs no macro in what it takes for a package, where the tokens would miss one", async () => {
  const proof = join(root, "proof-package")
  const macro = written(
    {
      "m.ts": `import { writeFileSync } from "node:fs"\nwriteFileSync(${JSON.stringify(proof)}, "ran")\nexport const tag = () => 1`,
    },
    "m.ts",
  )
  const built = await Bun.build({
    entrypoints: ["entry"],
    throw: false,
    plugins: [
      {
        name: "entry",
        setup: (builder) => {
          builder.onResolve({ filter: /^entry$/ }, () => ({
            path: "/node_modules/script/entry.ts",
            namespace: "entry",
          }))
          builder.onLoad({ filter: /^/, namespace: "entry" }, () => ({
            contents: `import { tag } from ${JSON.stringify(macro)} with { type: "macro" }\nconsole.log(tag())`,
            loader: "ts",
          }))
        },
      },
    ],
  })
  expect([built.success, existsSync(proof)]).toEqual([false, false])
})

const READS: readonly string[] = [
  'import tag from "/proc/self/environ" with { type: "text" }',
  'import tag from "/etc/passwd" with { type: "text" }',
  'import tag from "/etc/passwd"',
  'import tag from "./env.json"',
  'import tag from "./env.json" with { type: "json" }',
  'import tag from "./env.yaml" with { type: "yaml" }',
  'import tag from "./env.yaml"',
  'import tag from "./env.toml"',
  'import tag from "./env.txt"',
  'import tag from ".env"',
  'import tag from "./env.html"',
  'import tag from "./env.css"',
  'import tag from "./env.sqlite" with { type: "sqlite" }',
  'import tag from "./env.node"',
  'import tag from "./env.wasm"',
  'import tag from "./env.jsx"',
  'import tag from "../outside.ts"',
  'import tag from "./linked.ts"',
  'import tag from "./linked/outside.ts"',
  'import tag from "linked"',
  'import tag from "above"',
  'import tag from "./folder.ts"',
  'import tag from "./pipe.ts"',
  'import tag from "FOLDER/../outside.ts"',
  'import tag from "file://FOLDER/../outside.ts"',
  'import tag from "./node_modules/broken/env.txt"',
  'import tag from "broken/env.txt"',
  'import tag from "broken"',
  'import tag from "./missing.ts?x"',
  'const tag = require("./env.json")',
  'const tag = require("../outside.ts")',
  'const tag = require.resolve("./env.txt")',
  'const tag = () => import("./env.txt")',
  'export * from "../outside.ts"; const tag = 1',
]

test("what a script must not read is in no bundle, whatever way it is imported", async () => {
  const secrets = [
    "env.json",
    ".env",
    ...["yaml", "toml", "txt", "html", "css", "sqlite", "node", "wasm", "jsx"].map((end) => `env.${end}`),
  ]
  const secret = `{"key":"${SECRET}"}`
  const script = written({
    ...Object.fromEntries(secrets.map((name) => [name, secret])),
    "../outside.ts": `export default "${SECRET}"`,
    "../node_modules/above/index.js": `module.exports = "${SECRET}"`,
    "../linked/index.js": `module.exports = "${SECRET}"`,
    "node_modules/broken/env.txt": secret,
    "node_modules/broken/package.json": '{"main":"../../../outside.ts"}',
    "folder.ts/index.txt": secret,
  })
  const folder = dirname(script)
  symlinkSync("../outside.ts", join(folder, "linked.ts"))
  symlinkSync("..", join(folder, "linked"))
  symlinkSync("../../linked", join(folder, "node_modules/linked"))
  expect(Bun.spawnSync(["mkfifo", join(folder, "pipe.ts")]).exitCode).toBe(0)
  for (const read of READS) {
    writeFileSync(script, `${read.replace("FOLDER", folder)}\nexport const route = () => tag`)
    const { code, message } = await bundle(script)
    expect([read, code]).toEqual([read, null])
    expect(message).toMatch(/attributes|no access|outside|no code|not a file|cannot be found|in a way/)
    expect(message).not.toContain(SECRET)
    expect(message.replaceAll(folder, "")).not.toContain(root)
  }
})

const PACKAGES: Readonly<Record<string, string>> = {
  "node_modules/main/package.json": '{"main":"lib/main"}',
  "node_modules/main/lib/main.js": 'exports.name = "main"',
  "node_modules/modern/package.json": '{"main":"no.js","module":"yes.mjs"}',
  "node_modules/modern/yes.mjs": 'export const name = "modern"',
  "node_modules/@a/scoped/index.js": 'exports.name = require("inner").name + require("./data.json").name',
  "node_modules/@a/scoped/data.json": '{"name":"-data"}',
  "node_modules/@a/scoped/node_modules/inner/index.cjs": "",
  "node_modules/@a/scoped/node_modules/inner/package.json": '{"main":"index.cjs"}',
  "node_modules/table/package.json": JSON.stringify({
    imports: { "#own": "./own.js" },
    exports: {
      ".": { node: "./no.js", types: "./no.d.ts", import: "./index.mjs", default: "./no.js" },
      "./sub/*": "./deep/*.js",
      "./sub/hidden": null,
    },
  }),
  "node_modules/table/index.mjs": 'import own from "#own"\nexport const name = "table-" + own',
  "node_modules/table/own.js": 'export default "own"',
  "node_modules/table/deep/a.js": 'export const name = "deep"',
}

test("packages are found by main, module, exports, subpaths, scopes and their own imports", async () => {
  const files = { ...PACKAGES, "node_modules/@a/scoped/node_modules/inner/index.cjs": 'exports.name = "inner"' }
  const names = ["main", "modern", "@a/scoped", "table", "table/sub/a", "main/lib/main.js"]
  const imports = names.map((name, index) => `import { name as n${index} } from "${name}"`)
  const source = `${imports.join("\n")}\nexport const route = () => [${names.map((_, index) => `n${index}`).join()}]`
  const script = written({ ...files, "route.ts": source })
  expect(await routed(script)).toEqual(["main", "modern", "inner-data", "table-own", "deep", "main"])
  for (const hidden of ["table/own.js", "table/sub/hidden", "table/sub/b"]) {
    writeFileSync(script, `import { name } from "${hidden}"\nexport const route = () => name`)
    expect((await bundle(script)).message).toContain(`${JSON.stringify(hidden)} cannot be found`)
  }
})

test("files are found without their ending, by the name that they have once compiled, as a folder, and through links", async () => {
  const script = written({
    "lib/a.ts": 'export const a: string = "a"',
    "lib/b.ts": 'export const b: string = "b"',
    "c/index.js": 'export const c = "c"',
    "target/d.mjs": 'export { a as d } from "../lib/a"',
    "real.ts": `import { a } from "./lib/a"\nimport { b } from "./lib/b.js"\nimport { c } from "./c"\nimport { d } from "./d.mjs"
      import type { RouteContext } from "./smart-router.d.ts"
      export const route = (ctx: RouteContext) => a + b + c + d`,
  })
  symlinkSync("target/d.mjs", join(dirname(script), "d.mjs"))
  symlinkSync("real.ts", script)
  // the link lies elsewhere, as in a mounted volume
  const link = join(dirname(script), "../route.ts")
  symlinkSync("scripts/route.ts", link)
  expect([await routed(script), await routed(link)]).toEqual(["abca", "abca"])
  const { files } = await bundle(link)
  expect(files.map((file) => file.replace(`${dirname(dirname(script))}/`, "")).toSorted()).toEqual(
    ["c/index.js", "lib/a.ts", "lib/b.ts", "real.ts", "target/d.mjs"]
      .map((name) => `scripts/${name}`)
      .toSorted()
      .toSpliced(0, 0, "route.ts"),
  )
})
