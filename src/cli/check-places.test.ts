/** What `check` finds out about the machine beside the file. */
import { afterAll, expect, test } from "bun:test"
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { KEYS, SMALLEST } from "../../test/helpers/load-text.ts"
import { loadConfig } from "../config/load.ts"
import { placeFindings } from "./check-places.ts"

const folder = mkdtempSync(join(tmpdir(), "smart-router-places-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function found(yaml: string, mode: number) {
  const path = join(folder, "config.yaml")
  writeFileSync(path, yaml)
  chmodSync(path, mode)
  return placeFindings(path, loadConfig({ path, env: KEYS }))
}

test("a secret in a file that every user can read is found, and not printed", () => {
  const yaml = SMALLEST.replace("${OPENAI_API_KEY}", "sk-in-the-file-itself")
  const findings = found(yaml, 0o644)
  expect(findings).toMatchObject([{ code: "readable-secret", path: "providers.openai.api_key", line: 7, column: 14 }])
  expect(JSON.stringify(findings)).not.toContain("sk-in")
  expect(found(yaml, 0o640)).toEqual([])
  expect(found(SMALLEST, 0o644)).toEqual([])
})

test("an env.json that every user can read is found", () => {
  const envFile = join(folder, "env.json")
  writeFileSync(envFile, "{}")
  chmodSync(envFile, 0o644)
  expect(found(SMALLEST, 0o644)).toMatchObject([{ code: "readable-secret", expected: "chmod 600 env.json" }])
  chmodSync(envFile, 0o600)
  expect(found(SMALLEST, 0o644)).toEqual([])
})

test("a file that can never be made is an error, where its path stands", () => {
  writeFileSync(join(folder, "a-file"), "")
  const withPath = (path: string) =>
    SMALLEST.replace("server:\n", `server:\n  usage_db: { path: ${path} }\n  logging: { path: logs/of/mine.jsonl }\n`)
  const [finding, ...more] = found(withPath("a-file/below/usage.sqlite"), 0o600)
  expect(finding).toMatchObject({ severity: "error", code: "uncreatable-path", path: "server.usage_db.path", line: 2 })
  expect(finding?.message).toContain("a-file is no folder")
  expect(more).toEqual([])
  expect(found(withPath("new/folder/usage.sqlite"), 0o600)).toEqual([])
})
