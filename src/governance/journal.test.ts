import { afterEach, beforeEach, describe, expect, test } from "bun:test"
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
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
  orphansOf(path).calls.map(({ request_id, output_tokens }) => [request_id, output_tokens])

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

  test("a torn line is left out, and so is what is no reservation", async () => {
    const journal = new Journal(path, silentLog)
    journal.open(reservation("one"))
    await turn()
    appendFileSync(join(folder, "reservations.1"), '{"a":1}\nnull\n{"request_id":"two","ts":1')
    expect(orphans()).toEqual([["one", 10]])
  })

  test("nothing, once it is forgotten; a new journal is no part of it", async () => {
    const journal = new Journal(path, silentLog)
    journal.open(reservation("one"))
    await turn()
    const left = orphansOf(path)
    const next = new Journal(path, silentLog)
    next.open(reservation("two"))
    await turn()
    left.forget()
    expect(orphans()).toEqual([["two", 10]])
  })

  test("nothing where there is no folder", () => {
    expect(orphansOf(join(folder, "nowhere", "reservations")).calls).toEqual([])
  })
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
