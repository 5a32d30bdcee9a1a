import { afterEach, beforeEach, expect, test } from "bun:test"
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { silentLog } from "./log.ts"
import {
  ensureOwnerFile,
  ensureOwnerFolder,
  foreignness,
  narrowFile,
  NotOurs,
  openOwnerFile,
  writeReadableFile,
} from "./owner-only.ts"

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

const WAYS: readonly (readonly [string, (path: string) => unknown])[] = [
  ["made", (path) => ensureOwnerFile(path, silentLog)],
  ["narrowed", (path) => narrowFile(path, silentLog)],
  ["opened", (path) => openOwnerFile(path)],
  ["written anew", (path) => writeReadableFile(path, "mine")],
]

test.each(WAYS.map((way) => [...way] as const))("links are not followed when a file is %s", (_, touch) => {
  const target = join(folder, "target")
  writeFileSync(target, "theirs", { mode: 0o644 })
  for (const [name, link] of Object.entries({ soft: symlinkSync, hard: linkSync })) {
    const path = join(folder, name)
    link(target, path)
    expect(() => touch(path)).toThrow(NotOurs)
    rmSync(path)
  }
  symlinkSync(join(folder, "nowhere"), join(folder, "dangling"))
  expect(() => touch(join(folder, "dangling"))).toThrow("is a link")
  expect([readFileSync(target, "utf8"), modeOf(target)]).toEqual(["theirs", "644"])
})

test("a file of another user is refused, whatever its mode", () => {
  const isFile = (): boolean => true
  const file = { uid: 1000, nlink: 1, isFile, isSymbolicLink: () => false }
  expect(foreignness(file, 1000)).toBeNull()
  expect(foreignness(file, undefined)).toBeNull()
  expect(foreignness(file, 1001)).toBe("belongs to another user")
  expect(foreignness(file, 0)).toBe("belongs to another user")
  expect(foreignness({ ...file, nlink: 2 }, 1000)).toContain("second name")
  expect(foreignness({ ...file, isFile: () => false }, 1000)).toBe("is no regular file")
})

test("a file that others may read is written by us alone, whatever the umask", () => {
  const path = join(folder, "pid")
  writeReadableFile(path, "12345\n")
  writeReadableFile(path, "12\n")
  expect([readFileSync(path, "utf8"), modeOf(path)]).toEqual(["12\n", "644"])
})

test("devices are what the system made them", () => {
  expect(() => ensureOwnerFile("/dev/null", silentLog)).not.toThrow()
})
