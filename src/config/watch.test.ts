import { afterAll, describe, expect, test } from "bun:test"
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fingerprint as fingerprintOf, watchFiles, type WatchTools } from "./watch.ts"

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
  }
}

async function watched(files: readonly string[], manualTools: ReturnType<typeof manual>) {
  let changes = 0
  const stop = watchFiles(
    () => files,
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
    await looks.look()
    await looks.look()
    expect(changes()).toBe(1)
    writeFileSync(`${file}.new`, "three, longer still")
    renameSync(`${file}.new`, file)
    await looks.look()
    await looks.look()
    await looks.look()
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
    await looks.look()
    await looks.look()
    expect(changes()).toBe(1)
  })

  test("when it is taken away, and when it comes back", async () => {
    const file = join(folder, "away.yaml")
    writeFileSync(file, "one")
    const looks = manual()
    const { changes } = await watched([file], looks)
    renameSync(file, `${file}~`)
    await looks.look()
    await looks.look()
    await looks.look()
    expect(changes()).toBe(1)
    writeFileSync(file, "one")
    await looks.look()
    await looks.look()
    expect(changes()).toBe(2)
    renameSync(file, `${file}~`)
    writeFileSync(file, "one")
    await looks.look()
    await looks.look()
    expect(changes()).toBe(3)
  })

  test("once when it is emptied and then written", async () => {
    const file = join(folder, "steps.yaml")
    writeFileSync(file, "one")
    const looks = manual()
    const { changes } = await watched([file], looks)
    writeFileSync(file, "")
    await looks.look()
    appendFileSync(file, "two")
    await looks.look()
    expect(changes()).toBe(0)
    await looks.look()
    await looks.look()
    expect(changes()).toBe(1)
  })

  test("when it appears", async () => {
    const file = join(folder, "env.json")
    const looks = manual()
    const { changes } = await watched([file], looks)
    writeFileSync(file, "{}")
    await looks.look()
    await looks.look()
    expect(changes()).toBe(1)
  })
})

test("a file that is still being written is left alone", async () => {
  let print = "0"
  const looks = manual(() => Promise.resolve(print))
  const { changes } = await watched(["f"], looks)
  for (const next of ["1", "2", "3"]) {
    print = next
    await looks.look()
  }
  expect(changes()).toBe(0)
  await looks.look()
  expect(changes()).toBe(1)
})

test("files that a new configuration names are watched from then on", async () => {
  const prints = new Map([
    ["a", "1"],
    ["b", "1"],
  ])
  let files = ["a"]
  let changes = 0
  const entered: boolean[] = []
  const looks = manual((path) => Promise.resolve(prints.get(path) ?? ""))
  const stop = watchFiles(
    () => files,
    () => (changes += 1),
    looks.tools,
    (isFirst) => entered.push(isFirst),
  )
  await looks.look()
  await looks.look()
  expect(entered).toEqual([true])
  files = ["a", "b"]
  await looks.look()
  await looks.look()
  expect(changes).toBe(0)
  expect(entered).toEqual([true, false])
  prints.set("b", "2")
  await looks.look()
  await looks.look()
  expect(changes).toBe(1)
  stop()
  expect(looks.isStopped()).toBe(true)
})
