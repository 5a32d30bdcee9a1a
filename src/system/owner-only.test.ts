import { afterEach, beforeEach, expect, test } from "bun:test"
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { silentLog } from "./log.ts"
import { ensureOwnerFile, ensureOwnerFolder } from "./owner-only.ts"

let folder = ""
let umask = 0

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "owner-only-"))
  umask = process.umask(0)
})

afterEach(() => {
  process.umask(umask)
  rmSync(folder, { recursive: true })
})

function modeOf(path: string): string {
  return (statSync(path).mode & 0o7777).toString(8)
}

test("new folders and files are the owner's alone, whatever the umask", () => {
  for (const mask of [0, 0o777]) {
    process.umask(mask)
    const state = join(folder, `state-${mask}`)
    ensureOwnerFolder(state, silentLog)
    ensureOwnerFile(join(state, "file"), silentLog)
    expect([modeOf(state), modeOf(join(state, "file"))]).toEqual(["700", "600"])
  }
})

test("files that are there are narrowed and keep their content", () => {
  const state = join(folder, "state")
  mkdirSync(state, { mode: 0o755 })
  writeFileSync(join(state, "file"), "text", { mode: 0o644 })
  ensureOwnerFolder(state, silentLog)
  ensureOwnerFile(join(state, "file"), silentLog)
  expect([modeOf(state), modeOf(join(state, "file"))]).toEqual(["700", "600"])
  expect(readFileSync(join(state, "file"), "utf8")).toBe("text")
})

test("a folder that serves others too keeps its mode, with a warning", () => {
  const warnings: string[] = []
  const log = { ...silentLog, warn: (message: string) => void warnings.push(message) }
  const withFolder = join(folder, "with-folder")
  mkdirSync(join(withFolder, "other"), { recursive: true })
  chmodSync(withFolder, 0o755)
  const sticky = join(folder, "sticky")
  mkdirSync(sticky)
  chmodSync(sticky, 0o1777)
  ensureOwnerFolder(withFolder, log)
  ensureOwnerFolder(sticky, log)
  expect([modeOf(withFolder), modeOf(sticky)]).toEqual(["755", "1777"])
  expect(warnings).toHaveLength(2)
})
