import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { runs } from "../../test/helpers/sample.ts"
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

function open(maxBytes = 1 << 20, reservedBytes = RESERVED_BYTES, log = silentLog): Promise<Spool> {
  const clock = { ...systemClock, now: () => (now += 1), monotonicMs: () => 0 }
  return Spool.open({ path, reservedBytes, maxBytes, clock, log })
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
    // what misses nothing but its newline is whole
    const left = missing === 1 ? ids : ids.slice(0, 2)
    expect((await contentOf(second)).ids).toEqual(left)
    const more = numbered(4)
    await second.append(more.calls)
    expect((await contentOf(second)).ids).toEqual([...left, ...more.ids])
    expect(second.isDamaged).toBe(false)
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
  const spool = await open(7000)
  await spool.append(numbered(1).calls)
  expect(await rejectionOf(spool.append(numbered(2, 3).calls))).toMatchObject({
    message: expect.stringContaining("limit"),
  })
  expect((await contentOf(spool)).ids).toEqual(numbered(1).ids)
  await spool.close()
})

describe("damage", () => {
  /** Of the lines of `count` calls. */
  async function filled(count: number): Promise<{ readonly ids: string[]; readonly lines: Buffer[] }> {
    const { calls, ids } = numbers(0, count)
    const spool = await open()
    await spool.append(calls)
    const { end } = await contentOf(spool)
    await spool.close()
    const bytes = readFileSync(path)
    const text = bytes.subarray(0, end.offset)
    const lines: Buffer[] = []
    for (let at = 0; at < text.length;) {
      const next = text.indexOf(10, at) + 1
      lines.push(text.subarray(at, next))
      at = next
    }
    return { ids, lines }
  }

  const middle = (line: Buffer): number => line.length >> 1

  function flipped(line: Buffer, at: number): Buffer {
    const damaged = Buffer.from(line)
    damaged[at] = (damaged[at] ?? 0) ^ 4
    return damaged
  }

  const garbage = Buffer.from("garbage not a line\n")
  /** How the lines of ten calls are damaged, and which calls that costs. */
  const damages: readonly (readonly [string, (lines: Buffer[]) => Buffer[], readonly number[]])[] = [
    ["a bit flipped in a line", (lines) => lines.with(4, flipped(lines[4]!, middle(lines[4]!))), [4]],
    ["a bit flipped in the first line", (lines) => lines.with(0, flipped(lines[0]!, 3)), [0]],
    ["a bit flipped in the last line", (lines) => lines.with(9, flipped(lines[9]!, 30)), [9]],
    ["a newline flipped", (lines) => lines.with(4, flipped(lines[4]!, lines[4]!.length - 1)), []],
    ["garbage between lines", (lines) => lines.toSpliced(5, 0, garbage), []],
    ["garbage at the beginning", (lines) => [garbage, ...lines], []],
    ["garbage at the end", (lines) => [...lines, garbage], []],
    ["garbage without a newline", (lines) => lines.toSpliced(5, 0, garbage.subarray(0, -1)), []],
    [
      "zeros over two lines",
      (lines) => lines.with(4, zeroed(lines[4]!, "end")).with(5, zeroed(lines[5]!, "begin")),
      [4, 5],
    ],
    ["zeros over the first line", (lines) => lines.with(0, Buffer.alloc(lines[0]!.length)), [0]],
    ["zeros over whole lines", (lines) => lines.with(4, Buffer.alloc(lines[4]!.length)), [4]],
    ["a line cut with its newline", (lines) => lines.with(4, lines[4]!.subarray(0, middle(lines[4]!))), [4]],
    [
      "a line cut before its newline",
      (lines) => lines.with(4, Buffer.concat([lines[4]!.subarray(0, 99), Buffer.from("\n")])),
      [4],
    ],
  ]

  function zeroed(line: Buffer, where: "begin" | "end"): Buffer {
    const damaged = Buffer.from(line)
    return where === "end" ? damaged.fill(0, middle(line)) : damaged.fill(0, 0, middle(line))
  }

  test.each(damages)("%s costs nothing but what it hit, is told, and the file is kept", async (_, damage, lost) => {
    const { ids, lines } = await filled(10)
    const damaged = damage(lines)
    writeFileSync(path, Buffer.concat([...damaged, Buffer.alloc(4096)]))
    const told: unknown[] = []
    const log = { ...silentLog, error: (_message: string, fields?: object) => void told.push(fields) }
    const spool = await open(1 << 20, RESERVED_BYTES, log)
    const left = ids.filter((_id, number) => !lost.includes(number))
    expect((await contentOf(spool)).ids).toEqual(left)
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ file: path, places: expect.any(Number), first_at: expect.any(Number) })
    // what comes later stands behind, and nothing of the damaged file is written over
    const more = numbers(100, 2)
    await spool.append(more.calls)
    const { ids: all, end } = await contentOf(spool)
    expect(all).toEqual([...left, ...more.ids])
    expect(await spool.reset(end)).toBe(true)
    expect(spool.isEmpty).toBe(true)
    expect(spool.isDamaged).toBe(false)
    const kept = readFileSync(`${path}.damaged.1`)
    const lastDamage = Buffer.concat(damaged)
    expect(kept.subarray(0, lastDamage.length)).toEqual(lastDamage)
    await spool.append(numbered(200).calls)
    await spool.close()
    const second = await open()
    expect((await contentOf(second)).ids).toEqual(numbered(200).ids)
    await second.close()
  })

  test("lines that stand twice are read twice, which is no damage", async () => {
    const { ids, lines } = await filled(3)
    writeFileSync(path, Buffer.concat([...lines, ...lines]))
    const spool = await open()
    expect((await contentOf(spool)).ids).toEqual([...ids, ...ids])
    expect(spool.isDamaged).toBe(false)
    await spool.close()
  })

  test("that happens while the file is open is passed over too, and the file is kept", async () => {
    const spool = await open()
    const { calls, ids } = numbers(0, 10)
    await spool.append(calls)
    const bytes = readFileSync(path)
    const file = openSync(path, "r+")
    writeSync(file, "damage", bytes.indexOf(10) + 300)
    closeSync(file)
    const found = await contentOf(spool)
    expect(found.ids).toEqual([ids[0] ?? "", ...ids.slice(2)])
    expect(await spool.reset(found.end)).toBe(true)
    expect(existsSync(`${path}.damaged.1`)).toBe(true)
    await spool.close()
  })

  test("a second damaged file does not take the place of the first", async () => {
    for (const number of [1, 2]) {
      const { lines } = await filled(2)
      writeFileSync(path, Buffer.concat([garbage, ...lines]))
      const spool = await open()
      expect(await spool.reset((await contentOf(spool)).end)).toBe(true)
      await spool.close()
      expect(existsSync(`${path}.damaged.${number}`)).toBe(true)
    }
  })

  test("of any kind never ends the reading, and costs no line that is whole", async () => {
    const { lines, ids } = await filled(6)
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ at: fc.nat(lines.length), bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }) }), {
          maxLength: 4,
        }),
        async (insertions) => {
          const parts = lines.flatMap((line, number): Buffer[] => [
            ...insertions
              .filter(({ at }) => at === number)
              .map(({ bytes }) => Buffer.concat([Buffer.from(bytes), Buffer.from("\n")])),
            line,
          ])
          writeFileSync(path, Buffer.concat(parts))
          const spool = await open()
          const found = (await contentOf(spool)).ids
          await spool.close()
          expect(found).toEqual(ids)
        },
      ),
      runs(40),
    )
  })
})
