import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { rejectionOf } from "../../test/helpers/ledger.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import { systemClock } from "../system/clock.ts"
import { silentLog } from "../system/log.ts"
import { Spool, type SpoolPosition } from "./spool.ts"
import { decodeLine, encodeLine } from "./spool-line.ts"

const RESERVED_BYTES = 65_536

let folder = ""
let path = ""
let now = 1000

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spool-"))
  path = join(folder, "spool")
})

afterEach(() => rmSync(folder, { recursive: true }))

function open(maxBytes = 1 << 20, reservedBytes = RESERVED_BYTES): Promise<Spool> {
  const clock = { ...systemClock, now: () => (now += 1), monotonicMs: () => 0 }
  return Spool.open({ path, reservedBytes, maxBytes, clock, log: silentLog })
}

async function contentOf(spool: Spool): Promise<{ readonly ids: string[]; readonly end: SpoolPosition }> {
  const ids: string[] = []
  let end = spool.start
  for await (const batch of spool.batches(spool.start)) {
    ids.push(...batch.calls.map(({ usage }) => usage.request_id))
    end = batch.end
  }
  return { ids, end }
}

function numbered(...all: readonly number[]): { calls: ReturnType<typeof sampleCall>[]; ids: string[] } {
  const calls = all.map((number) => sampleCall(1000, number, { requested_model: "größer\n\0\ud800" }))
  return { calls, ids: calls.map(({ usage }) => usage.request_id) }
}

function numbers(from: number, count: number): ReturnType<typeof numbered> {
  return numbered(...Array.from({ length: count }, (_, index) => from + index))
}

describe("a line", () => {
  const line = encodeLine("g1", sampleCall(1000, 1))

  test("comes back as it was", () => {
    expect(decodeLine(line.subarray(0, -1))).toEqual({ generation: "g1", call: sampleCall(1000, 1) })
  })

  test("that was cut anywhere, or has one byte changed, is no line", () => {
    for (let length = 0; length < line.length - 1; length += 1) expect(decodeLine(line.subarray(0, length))).toBeNull()
    for (let at = 0; at < line.length - 1; at += 7) {
      const damaged = Buffer.from(line.subarray(0, -1))
      damaged[at] = (damaged[at] ?? 0) ^ 1
      expect(decodeLine(damaged)).toBeNull()
    }
  })
})

test("what one process appends, the next one reads, oldest first", async () => {
  const { calls, ids } = numbers(0, 150)
  const first = await open()
  await first.append(calls.slice(0, 100))
  await first.append(calls.slice(100))
  await first.close()
  const second = await open()
  expect(second.isEmpty).toBe(false)
  expect((await contentOf(second)).ids).toEqual(ids)
  await second.close()
})

test("the room is written out in advance, owner only, and kept after a reset", async () => {
  const spool = await open()
  expect(statSync(path).size).toBe(RESERVED_BYTES)
  expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(RESERVED_BYTES)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  await spool.append(numbers(0, 60).calls)
  expect(statSync(path).size).toBeGreaterThan(RESERVED_BYTES)
  expect(await spool.reset((await contentOf(spool)).end)).toBe(true)
  expect(statSync(path).size).toBe(RESERVED_BYTES)
  expect(spool.isEmpty).toBe(true)
  await spool.close()
})

describe("a torn end", () => {
  test.each([1, 2, 100, 1500])("of %p bytes less loses the last line only, and is written over", async (missing) => {
    const { calls, ids } = numbered(1, 2, 3)
    const first = await open()
    await first.append(calls)
    const { end } = await contentOf(first)
    await first.close()
    const bytes = readFileSync(path)
    bytes.fill(0, end.offset - missing)
    writeFileSync(path, bytes)
    const second = await open()
    expect((await contentOf(second)).ids).toEqual(ids.slice(0, 2))
    const more = numbered(4)
    await second.append(more.calls)
    expect((await contentOf(second)).ids).toEqual([...ids.slice(0, 2), ...more.ids])
    await second.close()
  })

  test("it keeps lines without reserved room behind it", async () => {
    const { calls, ids } = numbered(1)
    const line = encodeLine("g", calls[0] ?? sampleCall(0, 0))
    writeFileSync(path, line)
    appendFileSync(path, line.subarray(0, 40))
    const spool = await open()
    expect((await contentOf(spool)).ids).toEqual(ids)
    await spool.close()
  })
})

test("after a reset, lines of the earlier filling never come back", async () => {
  const old = numbered(1, 2, 3, 4)
  const first = await open()
  await first.append(old.calls)
  await first.reset((await contentOf(first)).end)
  const { calls, ids } = numbered(5)
  await first.append(calls)
  expect((await contentOf(first)).ids).toEqual(ids)
  await first.close()
  const second = await open()
  expect((await contentOf(second)).ids).toEqual(ids)
  await second.close()
})

test("calls that are appended while others are read are read too, and not what stood there before", async () => {
  const spool = await open(1 << 20, 1 << 20)
  await spool.append(numbers(0, 130).calls)
  await spool.reset((await contentOf(spool)).end)
  await spool.append(numbers(200, 64).calls)
  const found: string[] = []
  for await (const batch of spool.batches(spool.start)) {
    if (found.length === 0) await spool.append(numbers(300, 10).calls)
    found.push(...batch.calls.map(({ usage }) => usage.request_id))
  }
  expect(found).toEqual([...numbers(200, 64).ids, ...numbers(300, 10).ids])
  await spool.close()
})

test("a reset leaves calls alone that were appended meanwhile", async () => {
  const spool = await open()
  await spool.append(numbered(1).calls)
  const { end } = await contentOf(spool)
  await spool.append(numbered(2).calls)
  expect(await spool.reset(end)).toBe(false)
  expect((await contentOf(spool)).ids).toEqual(numbered(1, 2).ids)
  await spool.close()
})

test("a file that is moved away is replaced before the next call is confirmed", async () => {
  const spool = await open()
  await spool.append(numbered(1).calls)
  const { end } = await contentOf(spool)
  renameSync(path, `${path}.moved`)
  await spool.append(numbered(2).calls)
  expect(readFileSync(path, "utf8")).toContain(numbered(2).ids[0] ?? "none")
  expect((await contentOf(spool)).ids).toEqual(numbered(2).ids)
  expect(await spool.reset(end)).toBe(false)
  await spool.close()
})

test("the file has a limit", async () => {
  const spool = await open(4000)
  await spool.append(numbered(1).calls)
  expect(await rejectionOf(spool.append(numbered(2, 3).calls))).toMatchObject({
    message: expect.stringContaining("limit"),
  })
  expect((await contentOf(spool)).ids).toEqual(numbered(1).ids)
  await spool.close()
})
