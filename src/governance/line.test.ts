import { expect, test } from "bun:test"
import { systemClock } from "../system/clock.ts"
import { Line, type Entry } from "./line.ts"
import type { Check, Lease, Refusal, Subject } from "./state.ts"

const SUBJECT: Subject = { key: "caller:a", scope: "caller", id: "a" }
const CHECK: Check = { kind: "request_start", subject: 0, limit: 1, perSecond: 1, softLimit: Infinity }

function refusal(retryAfterMs: number): Refusal {
  return {
    kind: "refusal",
    check: CHECK,
    subject: SUBJECT,
    used: 1,
    reserved: 0,
    requested: 1,
    retryAfterMs,
    resetsAt: null,
  }
}

function lease(id: string): Lease {
  return { kind: "lease", id, inputTokens: 0, outputTokens: 0, nanoUsd: 0, quotaState: null, keyState: null }
}

/** A bucket that holds one call at a time. */
interface Bucket {
  readonly fill: () => void
  readonly entry: (id: string) => Entry
  readonly released: readonly string[]
  readonly asked: readonly string[]
}

function bucket(): Bucket {
  let full = false
  const released: string[] = []
  const asked: string[] = []
  return {
    released,
    asked,
    fill: () => {
      full = true
    },
    entry: (id) => ({
      ask: () => {
        asked.push(id)
        if (!full) return refusal(60_000)
        full = false
        return lease(id)
      },
      release: ({ id: gone }) => void released.push(gone),
    }),
  }
}

test("whoever becomes the first is asked at once, however long the one before it would have waited", async () => {
  const line = new Line(systemClock)
  const { fill, entry, asked } = bucket()
  const first = line.join(entry("first"), refusal(60_000), 60_000)
  const second = line.join(entry("second"), refusal(60_000), 60_000)
  fill()
  expect(asked).toEqual([])
  first.leave()
  expect(await first.outcome).toBeNull()
  expect(await second.outcome).toMatchObject({ kind: "lease", id: "second" })
  expect(line.length).toBe(0)
})

test("a steady trickle of calls that give up does not keep the bucket from those behind them", async () => {
  const line = new Line(systemClock)
  const { fill, entry } = bucket()
  const outcomes: Promise<unknown>[] = []
  for (let call = 0; call < 12; call += 1) {
    // no call waits for as long as the bucket needs by the word of the one before
    outcomes.push(line.join(entry(`call ${call}`), refusal(60_000), 25).outcome)
    if (call === 5) fill()
    await Bun.sleep(10)
  }
  const kinds = (await Promise.all(outcomes)).map((outcome) => (outcome as Lease | Refusal).kind)
  expect(kinds.filter((kind) => kind === "lease")).toHaveLength(1)
  expect(line.length).toBe(0)
})

test("one that is let in after it left gives back what it got, and the next one is asked", async () => {
  const line = new Line(systemClock)
  const { entry, released, asked } = bucket()
  const answer = Promise.withResolvers<Lease>()
  const slow: Entry = { ...entry("slow"), ask: () => answer.promise }
  const first = line.join(slow, refusal(1), 60_000)
  const second = line.join(entry("second"), refusal(60_000), 60_000)
  await Bun.sleep(20)
  first.leave()
  expect(asked).toEqual([])
  answer.resolve(lease("slow"))
  await Bun.sleep(0)
  expect(released).toEqual(["slow"])
  expect(asked).toEqual(["second"])
  second.leave()
  expect(await second.outcome).toBeNull()
})
