import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { mayMount, smallDisk } from "../../test/helpers/small-disk.ts"
import { silentLog } from "../system/log.ts"
import { Journal, orphansOf, type Reservation } from "./journal.ts"

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "journal-test-"))
  path = join(folder, "reservations")
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

function reservation(id: string, outputTokens = 10): Reservation {
  return {
    request_id: id,
    ts: 1,
    caller_id: "a",
    caller_user: "u",
    caller_project: "p",
    caller_environment: "dev",
    token_id: "t",
    inbound_dialect: "openai-chat",
    requested_model: "m",
    resolved_group: "m",
    strategy: "static",
    stream: 1,
    input_tokens: 5,
    output_tokens: outputTokens,
    nano_usd: 7,
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const files = (): readonly string[] => readdirSync(folder).toSorted()
const orphans = (): readonly (readonly [string, number])[] =>
  orphansOf(path, silentLog).calls.map(({ request_id, output_tokens }) => [request_id, output_tokens])

describe("what a crash leaves", () => {
  test("every call that was opened, with what it had reserved last", async () => {
    const journal = new Journal(path, silentLog)
    journal.open(reservation("one"))
    journal.open(reservation("two"))
    await turn()
    journal.open(reservation("one", 20))
    await turn()
    expect(orphans()).toEqual([
      ["one", 20],
      ["two", 10],
    ])
  })

  test("a torn line is left out, which is no damage", async () => {
    const journal = new Journal(path, silentLog)
    journal.open(reservation("one"))
    await turn()
    appendFileSync(join(folder, "reservations.1"), '12345 {"request_id":"two","ts":1')
    expect(orphans()).toEqual([["one", 10]])
    orphansOf(path, silentLog).forget()
    expect(files()).toEqual([])
  })

  test("damaged lines cost only their calls, are told, and their file is kept", async () => {
    const journal = new Journal(path, silentLog)
    for (const id of ["one", "two", "three"]) journal.open(reservation(id))
    await turn()
    const file = join(folder, "reservations.1")
    const text = readFileSync(file, "utf8")
    writeFileSync(file, `\0\0garbage\n${text.replace('"output_tokens":10', '"output_tokens":90')}`)
    const told: unknown[] = []
    const log = { ...silentLog, error: (_: string, fields?: object) => void told.push(fields) }
    const left = orphansOf(path, log)
    expect(left.calls.map(({ request_id }) => request_id)).toEqual(["two", "three"])
    expect(told).toEqual([{ file: `${file}.damaged`, lines: 2, first: 1 }])
    left.forget()
    expect(files()).toEqual(["reservations.1.damaged"])
    expect(orphans()).toEqual([])
  })

  test("nothing, once it is forgotten; a new journal is no part of it", async () => {
    const journal = new Journal(path, silentLog)
    journal.open(reservation("one"))
    await turn()
    const left = orphansOf(path, silentLog)
    const next = new Journal(path, silentLog)
    next.open(reservation("two"))
    await turn()
    left.forget()
    expect(orphans()).toEqual([["two", 10]])
  })

  test("nothing where there is no folder", () => {
    expect(orphansOf(join(folder, "nowhere", "reservations"), silentLog).calls).toEqual([])
  })
})

describe("written", () => {
  test("calls of one turn wait for one write, and then for nothing", async () => {
    const journal = new Journal(path, silentLog)
    expect(journal.written()).toBeNull()
    journal.open(reservation("one"))
    const one = journal.written()
    journal.open(reservation("two"))
    expect(orphans()).toEqual([])
    expect(journal.written()).toBe(one)
    await one
    expect(orphans().map(([id]) => id)).toEqual(["one", "two"])
    expect(journal.written()).toBeNull()
  })

  test.skipIf(!mayMount())(
    "a full disk is told to those that wait, and spoils no line (needs the right to mount)",
    async () => {
      using disk = smallDisk("64k")
      if (disk === null) throw new Error("the disk was there a moment ago")
      path = join(disk.folder, "reservations")
      const journal = new Journal(path, silentLog)
      const kept: string[] = []
      const refused: string[] = []
      for (let call = 0; call < 400; call += 1) {
        journal.open(reservation(String(call)))
        await journal.written()?.then(
          () => kept.push(String(call)),
          () => refused.push(String(call)),
        )
      }
      expect(journal.isUp).toBe(false)
      expect(refused.length).toBeGreaterThan(0)
      const faults: string[] = []
      const left = orphansOf(path, { ...silentLog, error: (message) => void faults.push(message) })
      expect(left.calls.map(({ request_id }) => request_id)).toEqual(kept)
      expect(faults).toEqual([])
    },
  )
})

describe("files", () => {
  test("a full segment goes once its calls are closed, whatever came later", async () => {
    const journal = new Journal(path, silentLog, 1000)
    for (let call = 0; call < 8; call += 1) {
      journal.open(reservation(String(call)))
      await turn()
    }
    expect(files().length).toBeGreaterThan(2)
    for (let call = 1; call < 8; call += 1) journal.close(String(call))
    expect(files()).toContain("reservations.1")
    expect(orphans().map(([id]) => id)).toContain("0")
    journal.close("0")
    expect(files()).toHaveLength(1)
    journal.end()
    expect(files()).toEqual([])
  })

  test("an end in order keeps what is still open", async () => {
    const journal = new Journal(path, silentLog)
    journal.open(reservation("one"))
    journal.end()
    expect(orphans()).toEqual([["one", 10]])
  })
})
