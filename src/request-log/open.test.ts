import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { until } from "../../test/helpers/ledger.ts"
import { sampleCall, sampleRequestId } from "../../test/helpers/sample-call.ts"
import { systemClock } from "../system/clock.ts"
import { openRequestLog, type RequestLog, type RequestLogLimits } from "./open.ts"

const TS = Date.UTC(2026, 10, 22, 10)
/** So many of the sample's lines are about 1 KiB each. */
const MIB_OF_LINES = 1100

let root = ""
let folder = ""
let path = ""
let messages: string[] = []

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "request-log-"))
  folder = join(root, "logs")
  path = join(folder, "requests.jsonl")
  messages = []
})

afterEach(() => rmSync(root, { recursive: true }))

function open(limits: Partial<RequestLogLimits> = {}, rotateMb = 0, keep = 2): RequestLog {
  const add = (message: string): void => void messages.push(message)
  const log = { info: add, warn: add, error: add }
  return openRequestLog({ path, rotateMb, keep, clock: systemClock, log, limits: { flushMs: 5, ...limits } })
}

function write(log: RequestLog, from: number, count: number): void {
  for (let number = from; number < from + count; number += 1) log.write(sampleCall(TS, number))
}

/** Which file it is, and how much it holds. */
function stateOfFile(): string {
  if (!existsSync(path)) return ""
  const { ino, size } = statSync(path)
  return `${ino} ${size}`
}

function idsIn(...files: readonly string[]): unknown[] {
  return files.flatMap((file) =>
    readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => (JSON.parse(line) as { request_id: unknown }).request_id),
  )
}

function ids(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) => sampleRequestId(TS, from + index))
}

test("lines arrive without anyone waiting, and closing writes the rest", async () => {
  const log = open()
  write(log, 0, 10)
  expect(statSync(path).size).toBe(0)
  await until(() => statSync(path).size > 0)
  expect(idsIn(path)).toEqual(ids(0, 10))
  write(log, 10, 5)
  await log.close()
  expect(idsIn(path)).toEqual(ids(0, 15))
  expect(log.dropped()).toBe(0)
})

test("a second process's lines follow the first one's", async () => {
  for (const from of [0, 3]) {
    const log = open()
    write(log, from, 3)
    await log.close()
  }
  expect(idsIn(path)).toEqual(ids(0, 6))
})

test("a line that was cut off costs none of those behind it", async () => {
  const first = open()
  write(first, 0, 2)
  await first.close()
  const whole = readFileSync(path, "utf8")
  writeFileSync(path, whole.slice(0, -100))
  const second = open()
  write(second, 2, 2)
  await second.close()
  const lines = readFileSync(path, "utf8").trimEnd().split("\n")
  expect(lines).toHaveLength(4)
  expect(lines.map(isLine)).toEqual([true, false, true, true])
})

function isLine(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe("the modes", () => {
  test("of file, rotated files and folder are for their owner alone", async () => {
    const umask = process.umask(0)
    try {
      const log = open({}, 1)
      write(log, 0, MIB_OF_LINES * 2)
      await log.close()
    } finally {
      process.umask(umask)
    }
    const modes = [folder, ...readdirSync(folder).map((name) => join(folder, name))]
    expect(modes.map((name) => statSync(name).mode & 0o777)).toEqual([0o700, 0o600, 0o600])
  })

  test("of files that were open to others are narrowed", async () => {
    mkdirSync(folder, { mode: 0o755 })
    for (const file of [path, `${path}.1`]) {
      writeFileSync(file, "")
      chmodSync(file, 0o644)
    }
    await open().close()
    expect([folder, path, `${path}.1`].map((name) => statSync(name).mode & 0o777)).toEqual([0o700, 0o600, 0o600])
  })
})

describe("the file is rotated", () => {
  test("by size, keeps the newest files, and tears or loses no line among them", async () => {
    const log = open({ flushChars: 100_000 }, 1, 2)
    for (let part = 0; part < 50; part += 1) {
      const before = stateOfFile()
      write(log, part * 100, 100)
      await until(() => stateOfFile() !== before)
    }
    await log.close()
    expect(readdirSync(folder).toSorted()).toEqual(["requests.jsonl", "requests.jsonl.1", "requests.jsonl.2"])
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(1_048_576)
    const kept = idsIn(`${path}.2`, `${path}.1`, path)
    expect(kept).toEqual(ids(5000 - kept.length, kept.length))
    expect(kept.length).toBeGreaterThan(2 * 1000)
  })

  test("from outside, and made anew when it was renamed or deleted", async () => {
    const log = open()
    write(log, 0, 1)
    await until(() => statSync(path).size > 0)
    renameSync(path, `${path}.moved`)
    write(log, 1, 1)
    await until(() => existsSync(path) && statSync(path).size > 0)
    rmSync(folder, { recursive: true })
    write(log, 2, 1)
    await until(() => existsSync(path) && statSync(path).size > 0)
    expect(idsIn(path)).toEqual(ids(2, 1))
    expect(statSync(path).mode & 0o777).toBe(0o600)
    await log.close()
  })
})

describe("a disk that takes nothing", () => {
  test("costs no call, keeps a bounded number of lines, and counts the others", async () => {
    const log = open({ maxChars: 50_000 })
    rmSync(folder, { recursive: true })
    writeFileSync(folder, "in the way")
    write(log, 0, 200)
    await until(() => messages.length > 0)
    expect(messages).toEqual(["the request log cannot be written"])
    expect(log.dropped()).toBeGreaterThan(0)
    rmSync(folder)
    await until(() => existsSync(path) && statSync(path).size > 0)
    await log.close()
    const written = idsIn(path)
    expect(written.length + log.dropped()).toBe(200)
    expect(messages.at(-1)).toBe("the request log is written again")
  })
})
