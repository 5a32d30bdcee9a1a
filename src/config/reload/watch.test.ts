import { afterAll, describe, expect, test } from "bun:test"
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fingerprint as fingerprintOf, fingerprintNow } from "../read/file-prints.ts"
import { watchFiles, type WatchTools } from "./watch.ts"

/** Looks only when the test says so. */
function manual(fingerprint: WatchTools["fingerprint"] = fingerprintOf) {
  let look = (): Promise<void> => Promise.resolve()
  let stopped = false
  const tools: WatchTools = {
    fingerprint,
    every: (_, action) => {
      look = action
      return () => {
        stopped = true
      }
    },
  }
  return {
    tools,
    isStopped: () => stopped,
    /** The look that is going on, or one more. */
    look: () => look(),
    /** The look that sees a change, and those after which it counts as whole. */
    settle: async () => {
      for (let looks = 0; looks < 3; looks += 1) await look()
    },
  }
}

async function watched(
  files: readonly string[],
  manualTools: ReturnType<typeof manual>,
  printNow: (path: string) => string = fingerprintNow,
) {
  let changes = 0
  const read = new Map(files.map((file) => [file, printNow(file)]))
  const stop = watchFiles(
    () => read,
    () => (changes += 1),
    manualTools.tools,
  )
  await manualTools.look()
  return { changes: () => changes, stop }
}

describe("a watched file is noticed", () => {
  const folder = mkdtempSync(join(tmpdir(), "smart-router-watch-"))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test("when it is written, or replaced as editors do", async () => {
    const file = join(folder, "a.yaml")
    writeFileSync(file, "one")
    const looks = manual()
    const { changes } = await watched([file], looks)
    await looks.look()
    expect(changes()).toBe(0)
    writeFileSync(file, "two, longer")
    await looks.settle()
    expect(changes()).toBe(1)
    writeFileSync(`${file}.new`, "three, longer still")
    renameSync(`${file}.new`, file)
    await looks.settle()
    await looks.settle()
    expect(changes()).toBe(2)
  })

  test("when its link is swapped, as Kubernetes does", async () => {
    for (const version of ["v1", "v2"]) {
      mkdirSync(join(folder, version))
      writeFileSync(join(folder, version, "config.yaml"), version)
    }
    symlinkSync("v1", join(folder, "..data"))
    symlinkSync("..data/config.yaml", join(folder, "config.yaml"))
    const looks = manual()
    const { changes } = await watched([join(folder, "config.yaml")], looks)
    symlinkSync("v2", join(folder, "..data_tmp"))
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"))
    await looks.settle()
    expect(changes()).toBe(1)
  })

  test("when it is taken away, and when it comes back", async () => {
    const file = join(folder, "away.yaml")
    writeFileSync(file, "one")
    const looks = manual()
    const { changes } = await watched([file], looks)
    renameSync(file, `${file}~`)
    await looks.settle()
    expect(changes()).toBe(1)
    writeFileSync(file, "one")
    await looks.settle()
    expect(changes()).toBe(2)
    renameSync(file, `${file}~`)
    writeFileSync(file, "one")
    await looks.settle()
    expect(changes()).toBe(3)
  })

  test("once when it is emptied and then written", async () => {
    const file = join(folder, "steps.yaml")
    writeFileSync(file, "one")
    const looks = manual()
    const { changes } = await watched([file], looks)
    writeFileSync(file, "")
    await looks.look()
    await looks.look()
    appendFileSync(file, "two")
    await looks.look()
    await looks.look()
    expect(changes()).toBe(0)
    await looks.settle()
    expect(changes()).toBe(1)
  })

  test("when it appears", async () => {
    const file = join(folder, "env.json")
    const looks = manual()
    const { changes } = await watched([file], looks)
    writeFileSync(file, "{}")
    await looks.settle()
    expect(changes()).toBe(1)
  })
})

test("a file that is still being written is left alone", async () => {
  let print = "0"
  const looks = manual(() => Promise.resolve(print))
  const { changes } = await watched(["f"], looks, () => print)
  for (const next of ["1", "2", "3"]) {
    print = next
    await looks.look()
    await looks.look()
  }
  expect(changes()).toBe(0)
  await looks.look()
  expect(changes()).toBe(1)
})

test("a file that changed between its reading and the first look at it is noticed, and told once for each reading", async () => {
  let print = "1"
  let read = new Map([["secret", "0"]])
  let changes = 0
  const looks = manual(() => Promise.resolve(print))
  watchFiles(
    () => read,
    () => (changes += 1),
    looks.tools,
  )
  await looks.settle()
  expect(changes).toBe(1)
  await looks.settle()
  expect(changes).toBe(1)
  // another reading came first: a look finds nothing that it does not know
  print = "2"
  read = new Map([["secret", "2"]])
  await looks.settle()
  expect(changes).toBe(1)
  // what was told earlier is news again once something else was read in between
  print = "1"
  await looks.settle()
  expect(changes).toBe(2)
})

test("files whose fingerprints are not known come under watch, and are watched from then on", async () => {
  const prints = new Map([
    ["a", "1"],
    ["b", "1"],
  ])
  let read = new Map<string, string | null>([["a", "1"]])
  let changes = 0
  let entered = 0
  const looks = manual((path) => Promise.resolve(prints.get(path) ?? ""))
  const stop = watchFiles(
    () => read,
    () => (changes += 1),
    looks.tools,
    () => (entered += 1),
  )
  await looks.settle()
  expect(entered).toBe(0)
  read = new Map([...read, ["b", null]])
  await looks.settle()
  expect([changes, entered]).toEqual([0, 1])
  prints.set("b", "2")
  await looks.settle()
  await looks.settle()
  expect([changes, entered]).toEqual([1, 1])
  stop()
  expect(looks.isStopped()).toBe(true)
})
