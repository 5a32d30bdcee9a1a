/** The store counts exactly as the memory of one process does: the same operations, the same answers, step by step. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { CHECK_FACTS, CHECK_KINDS, type CheckKind } from "../check-kinds.ts"
import fc from "fast-check"
import { runs } from "../../../test/helpers/sample.ts"
import { startRedis, WITHOUT_REDIS, type RedisServer } from "../../../test/helpers/redis.ts"
import { silentLog } from "../../system/log.ts"
import { systemClock } from "../../system/clock.ts"
import { dayOf, monthOf } from "../counts.ts"
import { MemoryState } from "../memory.ts"
import type {
  AdmissionRequest,
  Amounts,
  Amounts3,
  Check,
  CompiledLimits,
  Lease,
  Refusal,
  Subject,
  SubjectTotals,
} from "../state.ts"
import { StoreState } from "./store.ts"

const BUCKETS = CHECK_KINDS.filter((kind) => CHECK_FACTS[kind].over === "bucket")
const DAY_MS = 86_400_000
const START = Date.UTC(2026, 0, 30, 12)

const SUBJECTS: readonly Subject[] = [
  { key: "caller:c", scope: "caller", id: "c" },
  { key: "project:p", scope: "project", id: "p" },
]

const kind = fc.constantFrom(...CHECK_KINDS)
const limitOf = (of: CheckKind): fc.Arbitrary<number> => {
  if (of === "concurrent" || of === "request_start") return fc.integer({ min: 1, max: 4 })
  if (of.endsWith("requests") || of === "rpm") return fc.integer({ min: 1, max: 12 })
  if (of.endsWith("nano_usd")) return fc.integer({ min: 1, max: 5_000_000_000_000 })
  return fc.integer({ min: 1, max: 2000 })
}
const check: fc.Arbitrary<Check> = fc.tuple(kind, fc.integer({ min: 0, max: 1 })).chain(([of, subject]) =>
  fc.record({
    kind: fc.constant(of),
    subject: fc.constant(subject),
    limit: limitOf(of),
    perSecond: BUCKETS.includes(of) ? fc.constantFrom(0.5, 3, 100) : fc.constant(0),
    softLimit: fc.constantFrom(Infinity, 1, 5, 900),
  }),
)

const limits: fc.Arbitrary<CompiledLimits> = fc
  .uniqueArray(check, { maxLength: 7, selector: (one) => `${one.kind} ${one.subject}` })
  .map((checks) => ({
    subjects: SUBJECTS,
    checks: checks.toSorted(
      (left, right) => CHECK_KINDS.indexOf(left.kind) - CHECK_KINDS.indexOf(right.kind) || left.subject - right.subject,
    ),
    countsTokens: true,
    countsMoney: true,
    shapes: true,
    queue: null,
  }))

type Step =
  | {
      readonly is: "admit"
      readonly input: number
      readonly output: number
      readonly least: number
      readonly money: number
      readonly price: number
      /** In the place of which lease; null: of none. */
      readonly instead: number | null
    }
  | {
      readonly is: "settle"
      readonly which: number
      readonly requests: 0 | 1
      readonly tokens: number
      readonly money: number
    }
  | { readonly is: "extend"; readonly which: number; readonly tokens: number }
  | { readonly is: "book"; readonly requests: 0 | 1; readonly tokens: number; readonly money: number }
  /** A process without limits has used so much, and a minute later it has some. */
  | { readonly is: "recount"; readonly tokens: number; readonly money: number }
  | { readonly is: "wait"; readonly ms: number }
  | { readonly is: "calendar"; readonly days: number }

const few = fc.integer({ min: 0, max: 600 })
/** Also more than a slow bucket may owe. */
const asked = fc.oneof({ weight: 9, arbitrary: few }, fc.constantFrom(3000, 9e15))
const money = fc.constantFrom(0, 1, 999_999_999_999, 123_456)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      is: fc.constant("admit" as const),
      input: few,
      output: asked,
      least: few,
      money,
      price: fc.constantFrom(0, 15_000_000_000, 7),
      instead: fc.option(fc.nat(20), { freq: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      is: fc.constant("settle" as const),
      which: fc.nat(20),
      requests: fc.constantFrom(0 as const, 1 as const, 1 as const),
      tokens: few,
      money,
    }),
  },
  { weight: 2, arbitrary: fc.record({ is: fc.constant("extend" as const), which: fc.nat(20), tokens: few }) },
  {
    weight: 1,
    arbitrary: fc.record({
      is: fc.constant("book" as const),
      requests: fc.constantFrom(0 as const, 1 as const),
      tokens: few,
      money,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      is: fc.constant("wait" as const),
      ms: fc.constantFrom(1, 333, 1000, 5000, 30_000, 59_999, 60_000, 61_001, 3_600_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("recount" as const), tokens: few, money }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant("calendar" as const), days: fc.constantFrom(-1, 1, 1) }) },
)

describe.skipIf(WITHOUT_REDIS !== null)(`memory and store${WITHOUT_REDIS === null ? "" : `: ${WITHOUT_REDIS}`}`, () => {
  let redis: RedisServer
  let clockMs = 0
  let ts = START
  /** All that was used, by the instant that it belongs to. */
  let rows: { readonly ts: number; readonly used: Amounts }[] = []
  let ids = 0

  beforeAll(async () => {
    redis = await startRedis()
  })

  afterAll(async () => {
    await redis[Symbol.asyncDispose]()
  })

  const freshStore = async (): Promise<StoreState> => {
    await redis.command("FLUSHALL")
    const totalsOf = (subjects: readonly Subject[]): Promise<readonly SubjectTotals[]> => {
      const sumOf = (isIn: (at: number) => boolean): Amounts3 => {
        const sums = { requests: 0, tokens: 0, nanoUsd: 0 }
        for (const row of rows) {
          if (!isIn(row.ts)) continue
          sums.requests += row.used.requests
          sums.tokens += row.used.tokens
          sums.nanoUsd += row.used.nanoUsd
        }
        return sums
      }
      const known = {
        ts,
        day: sumOf((at) => dayOf(at) === dayOf(ts)),
        month: sumOf((at) => monthOf(at) === monthOf(ts)),
        beside: [],
        lifetimeTokens: sumOf(() => true).tokens,
        isWholeLifetime: true,
        lastMinute: [],
      }
      return Promise.resolve(subjects.map(({ key }) => ({ key, ...known })))
    }
    const ledger = { totalsOf, usedBy: () => Promise.resolve(new Map()) }
    const store = new StoreState({
      ...ledger,
      reading: (work) => work(ledger),
      url: redis.url,
      clock: systemClock,
      log: silentLog,
      drawId: () => String((ids += 1)),
      timeMs: () => clockMs,
      leaseMs: 1e9,
      recountMs: 0,
    })
    await store.open()
    await store.restore(await totalsOf(SUBJECTS))
    return store
  }
  const plain = (of: Lease | Refusal): unknown => {
    if (of.kind === "refusal")
      return {
        ...of,
        retryAfterMs: of.retryAfterMs === null ? null : Math.round(of.retryAfterMs * 1000),
        used: round(of.used),
      }
    return {
      kind: of.kind,
      outputTokens: of.outputTokens,
      nanoUsd: of.nanoUsd,
      quotaState: of.quotaState,
      keyState: of.keyState,
    }
  }
  const round = (value: number): number => Math.round(value * 1e6) / 1e6

  test("they count alike, however operations interleave", async () => {
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { minLength: 5, maxLength: 40 }), async (rules, steps) => {
        clockMs = 1_000_000_000
        ts = START
        rows = []
        const store = await freshStore()
        const memory = new MemoryState()
        const leases: [Lease, Lease, number][] = []
        const open = new Set<Lease>()
        for (const one of steps) {
          if (one.is === "wait") clockMs += one.ms
          else if (one.is === "calendar") ts += one.days * DAY_MS
          else if (one.is === "admit") {
            const request: AdmissionRequest = {
              id: `req_${(ids += 1)}`,
              limits: rules,
              ts,
              nowMs: clockMs,
              inputTokens: one.input,
              outputTokens: one.output,
              leastOutputTokens: Math.min(one.least, one.output),
              inputNanoUsd: one.money,
              outputNanoUsdPerMillion: one.price,
            }
            const before = one.instead === null ? undefined : leases[one.instead % Math.max(1, leases.length)]
            if (before !== undefined) open.delete(before[0])
            const here = memory.admit({ ...request, instead: before?.[0] ?? null })
            const there = await store.admit({ ...request, instead: before?.[1] ?? null })
            expect(plain(there)).toEqual(plain(here))
            if (here.kind === "lease" && there.kind === "lease") {
              leases.push([here, there, ts])
              open.add(here)
            }
          } else if (one.is === "book") {
            const actual = { requests: one.requests, tokens: one.tokens, nanoUsd: one.money }
            memory.book(rules, ts, actual, clockMs)
            store.book(rules, ts, actual)
            rows.push({ ts, used: actual })
          } else if (one.is === "recount") {
            const actual = { requests: 1 as const, tokens: one.tokens, nanoUsd: one.money }
            rows.push({ ts, used: actual })
            memory.book({ ...rules, subjects: SUBJECTS }, ts, actual, clockMs)
            clockMs += 61_001
            await store.recount(SUBJECTS)
          } else {
            const pair = leases[one.which % Math.max(1, leases.length)]
            if (pair === undefined) continue
            if (one.is === "settle") {
              const actual = { requests: one.requests, tokens: one.tokens, nanoUsd: one.money }
              if (open.delete(pair[0])) rows.push({ ts: pair[2], used: actual })
              memory.settle(pair[0], actual, clockMs)
              store.settle(pair[1], actual)
            } else {
              const here = memory.extend(pair[0], one.tokens, clockMs)
              const there = await store.extend(pair[1], one.tokens)
              expect(there === null ? null : plain(there)).toEqual(here === null ? null : plain(here))
            }
          }
          await store.settled()
          const seen = (await store.view(rules, ts)).map(({ used, reserved, resetsAt }) => [
            round(used),
            reserved,
            resetsAt,
          ])
          expect(seen).toEqual(
            memory.view(rules, ts, clockMs).map(({ used, reserved, resetsAt }) => [round(used), reserved, resetsAt]),
          )
        }
        await store.close()
      }),
      runs(150),
    )
  })
})
