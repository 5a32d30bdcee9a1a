import { afterAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { KEYS, SMALLEST } from "../../test/helpers/load-text.ts"
import { loadShown } from "./load-shown.ts"

const directory = mkdtempSync(join(tmpdir(), "load-shown-"))
afterAll(() => rmSync(directory, { recursive: true }))

function shown(text: string): { readonly said: readonly string[]; readonly isLoaded: boolean } {
  const path = join(directory, "config.yaml")
  writeFileSync(path, text)
  const said: string[] = []
  const progress = { show: (_: number, what: string) => said.push(what), end: () => said.push("end") }
  const { config } = loadShown({ path, env: KEYS }, progress)
  return { said, isLoaded: config !== null }
}

test("only a large file is announced, and the announcement is taken back", () => {
  expect(shown(SMALLEST)).toEqual({ said: ["end"], isLoaded: true })
  const large = `${SMALLEST}\n${`# ${"x".repeat(1022)}\n`.repeat(2048)}`
  const { said, isLoaded } = shown(large)
  expect([isLoaded, said.length, said[1]]).toEqual([true, 2, "end"])
  expect(said[0]).toMatch(/^reading .*config\.yaml \(2\.0 MiB\)$/)
})

test("a file that is not there is told like any other fault", () => {
  const said: string[] = []
  const progress = { show: () => said.push("show"), end: () => said.push("end") }
  const { config, findings } = loadShown({ path: join(directory, "none.yaml"), env: {} }, progress)
  expect([config, findings.length > 0, said]).toEqual([null, true, ["end"]])
})
