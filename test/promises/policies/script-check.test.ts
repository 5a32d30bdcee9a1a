/** Looking at a configuration runs no code of its scripts, whatever looks. */
import { afterAll, expect, test } from "bun:test"
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { KEYS, SMALLEST } from "../../helpers/load-text.ts"
import { smartRouter } from "../../helpers/command-line.ts"

const folder = mkdtempSync(path.join(tmpdir(), "script-check-"))
afterAll(() => rmSync(folder, { recursive: true }))

const config = path.join(folder, "config.yaml")
const proof = path.join(folder, "proof")
writeFileSync(
  path.join(folder, "helper.ts"),
  `import { writeFileSync } from "node:fs"
  export function tag() { writeFileSync(${JSON.stringify(proof)}, JSON.stringify(process.env)); return "x" }`,
)
writeFileSync(
  path.join(folder, "route.ts"),
  `import { tag } from "./helper.ts" with /* any comment */ { type: "macro" }
  export const route = () => ({ targetIndex: 0, classLabel: tag() })`,
)
writeFileSync(path.join(folder, "body.json"), '{"model":"default","messages":[{"role":"user","content":"hello"}]}')

test("check refuses a script that would run code while it is bundled, and runs none", async () => {
  writeFileSync(config, SMALLEST.replace("strategy: static", "strategy: script\n    script: route.ts"))
  const { code, out } = await smartRouter(["check", "--config", config], { env: KEYS })
  expect([code, existsSync(proof)]).toEqual([1, false])
  expect(out).toContain('route.ts:1:21 the import of "./helper.ts" has attributes')
})

test("explain --script does, too", async () => {
  writeFileSync(config, SMALLEST)
  const caller = /callers:\s+- (?:\{ )?id: ([\w-]+)/.exec(SMALLEST)?.[1] ?? ""
  const words = [
    "--request",
    path.join(folder, "body.json"),
    "--caller",
    caller,
    "--script",
    path.join(folder, "route.ts"),
  ]
  const { code, err } = await smartRouter(["explain", "--config", config, ...words], { env: KEYS })
  expect([code, existsSync(proof)]).toEqual([1, false])
  expect(err).toContain("has attributes")
})
