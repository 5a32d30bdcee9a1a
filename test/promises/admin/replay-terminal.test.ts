/** `smart-router replay` on a terminal: a bar while it runs, and what Ctrl-C leaves. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test"
import { join } from "node:path"
import type { ReplayReport } from "../../../src/replay/replay.ts"
import { systemClock } from "../../../src/system/clock.ts"
import { tied } from "../../helpers/children.ts"
import { smartRouter } from "../../helpers/command-line.ts"
import { ledgerFolder, type LedgerFolder } from "../../helpers/ledger.ts"
import { pastCall, recorded, replayConfig } from "../../helpers/past-calls.ts"

const MAIN = join(import.meta.dir, "../../../src/main.ts")
const COMMAND = tied([process.execPath, "--no-env-file", MAIN, "replay"])
const CALLS = 400
/** Eight questions at a time: a replay takes a quarter of a second at least, which is a few steps of the bar. */
const ANSWER_MS = 5
/** A replay that is to be interrupted gets no further before it. */
const HELD_FROM = 150
/** Leaves a busy machine seconds to deliver the signal. */
const LATE_ANSWER_MS = 100
let state: LedgerFolder
let service: Bun.Server<undefined>
let config: string
/** Of this replay. */
let questions = 0
/** Settles when the replay is interrupted; null where it is not going to be. */
let interrupted: PromiseWithResolvers<void> | null = null
let onQuestion = (): void => {}

beforeAll(async () => {
  state = ledgerFolder()
  const ledger = await state.open()
  const now = systemClock.now()
  await recorded(
    ledger,
    Array.from({ length: CALLS }, (_, index) => pastCall(now - 3_600_000 + index * 1000, index)),
  )
  service = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: async () => {
      questions += 1
      onQuestion()
      const isHeld = interrupted !== null && questions > HELD_FROM
      if (isHeld) await interrupted?.promise
      await Bun.sleep(isHeld ? LATE_ANSWER_MS : ANSWER_MS)
      return Response.json({ targetIndex: 1 })
    },
  })
  const host = `127.0.0.1:${service.port}`
  const policy = { url: `http://${host}/decide`, allow_hosts: [host], timeout_ms: 60_000 }
  config = replayConfig(state.folder, {
    usageDb: { path: state.path },
    group: { strategy: "external", external_policy: policy },
  })
})

beforeEach(() => {
  questions = 0
  interrupted = null
  onQuestion = () => {}
})

afterAll(async () => {
  await service.stop(true)
  await state[Symbol.asyncDispose]()
})

interface Seen {
  readonly code: number
  readonly text: string
}

interface Scene {
  /** Ctrl-C is pressed as soon as this was seen. */
  readonly until?: RegExp
  /** Standard output goes there; else all three streams are the terminal. */
  readonly into?: string
}

async function onTerminal(args: readonly string[], { until, into }: Scene = {}): Promise<Seen> {
  let text = ""
  let isPressed = false
  const closed = Promise.withResolvers<void>()
  const decoder = new TextDecoder()
  const command = [...COMMAND, "--config", config, "--ask-services", ...args]
  const redirected = ["sh", "-c", 'exec "$@" > "$0"', into ?? "", ...command]
  if (until !== undefined) interrupted = Promise.withResolvers()
  await using child = Bun.spawn(into === undefined ? command : redirected, {
    env: { PATH: process.env["PATH"] ?? "" },
    terminal: {
      cols: 100,
      rows: 30,
      data: (terminal, piece) => {
        text += decoder.decode(piece, { stream: true })
        if (isPressed || until?.test(text) !== true) return
        isPressed = true
        terminal.write("\u0003")
        interrupted?.resolve()
      },
      exit: () => closed.resolve(),
    },
  })
  const code = await child.exited
  // what was written last arrives before the end of the terminal
  await closed.promise
  child.terminal?.close()
  return { code, text }
}

const BAR = /\r\[#*\.*\] \d+ calls/gu

test("a bar grows, and is gone when the report stands there", async () => {
  const { code, text } = await onTerminal([])
  expect(code).toBe(0)
  const bars = text.match(BAR) ?? []
  expect(new Set(bars).size).toBeGreaterThan(3)
  const lengths = bars.map((bar) => bar.split("#").length - 1)
  expect(lengths).toEqual(lengths.toSorted((left, right) => left - right))
  expect(lengths[0]).toBeLessThan(3)
  // the last one is written over with blanks, and the report begins at the left edge
  expect(text).toMatch(/\] \d+ calls\s*\r +\r400 calls: 400 decided again/u)
})

test("Ctrl-C leaves the figures until then, said to be that, and exit code 130", async () => {
  const { code, text } = await onTerminal([], { until: /#{3}\.+\] \d+ calls/u })
  expect(code).toBe(130)
  const [, after] = text.split("Interrupted: these are the figures of the calls until then.")
  const calls = Number(/(\d+) calls: \1 decided again/u.exec(after ?? "")?.[1])
  expect(calls).toBeGreaterThan(0)
  expect(calls).toBeLessThan(CALLS)
})

test("without a terminal there is no bar, and the figures stand alone on standard output", async () => {
  const { code, out, err } = await smartRouter(["replay", "--config", config, "--ask-services", "--json"])
  expect([code, err]).toEqual([0, ""])
  expect(JSON.parse(out)).toMatchObject({ complete: true, calls: CALLS })
})

test("a terminal for errors alone shows the bar, and nothing of it is in the JSON", async () => {
  const file = join(state.folder, "out.json")
  const { code, text } = await onTerminal(["--json"], { into: file })
  expect(code).toBe(0)
  expect(text).toMatch(BAR)
  expect(JSON.parse(await Bun.file(file).text())).toMatchObject({ complete: true, calls: CALLS })
})

test("SIGINT without a terminal leaves JSON of a part, which says so", async () => {
  const { resolve } = (interrupted = Promise.withResolvers<void>())
  await using child = Bun.spawn([...COMMAND, "--config", config, "--ask-services", "--json"], {
    env: { PATH: process.env["PATH"] ?? "" },
    stdout: "pipe",
    stderr: "pipe",
  })
  onQuestion = () => {
    if (questions !== HELD_FROM) return
    child.kill("SIGINT")
    resolve()
  }
  const text = child.stdout.text()
  expect(await child.exited).toBe(130)
  const report = JSON.parse(await text) as ReplayReport & { readonly complete: boolean }
  expect(report.complete).toBe(false)
  expect(report.calls).toBeGreaterThanOrEqual(HELD_FROM - 8)
  expect(report.calls).toBeLessThan(CALLS)
  expect(report.decided).toBe(report.calls)
  expect(await child.stderr.text()).toContain("Interrupted")
})
