/** The cube holds what the rows add up to, whatever was done in whatever order. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { testCube, type TestCube } from "../../test/helpers/cube.ts"
import { onDrawnDriver } from "../../test/helpers/ledger-drivers.ts"
import { expectAsyncProperty } from "../../test/helpers/property.ts"
import { sampleCall, sampleRequestId } from "../../test/helpers/sample-call.ts"
import { MEASURES, type StoredMeasure } from "../ledger/cube/measures.ts"
import type { LedgerStore } from "../ledger/open.ts"
import type { CallRecord, UsageRow } from "../ledger/record.ts"

/** Each input has a range of its own in one ledger, so that what earlier inputs left is there, too. */
const FIRST = Date.UTC(2026, 2, 28, 20)
const SPAN_MS = 40 * 3_600_000
const LARGEST = Number.MAX_SAFE_INTEGER

const NAMES = ["app-1", "app-2", "", "x".repeat(200), "a\u0000b", `it's "so"`, "\ud800", "naïve ⊕", "100%;--"]

const name = fc.constantFrom(...NAMES)
const tokens = fc.oneof(fc.constant(null), fc.constant(0), fc.integer({ min: 0, max: 300_000 }))
const money = fc.oneof(
  fc.constant(null),
  fc.integer({ min: 0, max: 2_000_000_000 }),
  fc.constantFrom(LARGEST, 2 ** 53, -5, 1.5),
)
const duration = fc.oneof(
  fc.constant(null),
  fc.double({ min: 0, max: 90_000, noNaN: true }),
  fc.constantFrom(0.5, 1.5, 2.5),
)

const usage: fc.Arbitrary<Partial<UsageRow>> = fc.record({
  caller_id: name,
  token_id: name,
  caller_project: name,
  requested_model: name,
  target_model: fc.option(name, { nil: null }),
  status: fc.constantFrom(200, 200, 200, 429, 502, 499),
  stream: fc.constantFrom(0, 1),
  attempts: fc.integer({ min: 0, max: 3 }),
  fallback_used: fc.constantFrom(0, 1),
  latency_ms: fc.double({ min: 0, max: 90_000, noNaN: true }),
  ttfb_ms: duration,
  upstream_duration_ms: duration,
  downstream_duration_ms: duration,
  router_overhead_us: fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 90_000_000 })),
  output_tokens: tokens,
  input_tokens: tokens,
  total_tokens: tokens,
  total_cost_nano_usd: money,
  output_cost_nano_usd: money,
  cost_unknown_reason: fc.constantFrom(null, "price", "usage"),
  usage_source: fc.constantFrom("provider", "estimated"),
  cache: fc.constantFrom("off", "hit", "miss", "bypass"),
  cache_saved_input_tokens: tokens,
  cache_saved_output_tokens: tokens,
  cache_saved_nano_usd: money,
})

type Step =
  | {
      readonly is: "record"
      readonly calls: readonly { readonly at: number; readonly usage: Partial<UsageRow>; readonly kind: number }[]
    }
  | { readonly is: "again"; readonly picks: readonly number[] }
  | { readonly is: "correct"; readonly pick: number; readonly usage: Partial<UsageRow> }
  | { readonly is: "merge"; readonly batches: number; readonly small: number }
  | { readonly is: "fold"; readonly at: number }

const at = fc.integer({ min: 0, max: SPAN_MS - 1 })
const call = fc.record({ at, usage, kind: fc.integer({ min: 0, max: 5 }) })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ is: fc.constant("record" as const), calls: fc.array(call, { minLength: 1, maxLength: 12 }) }),
  fc.record({ is: fc.constant("again" as const), picks: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }) }),
  fc.record({
    is: fc.constant("correct" as const),
    pick: fc.nat(),
    usage: fc.record({
      status: fc.constantFrom(200, 500),
      total_cost_nano_usd: fc.integer({ min: 0, max: 9000 }),
      latency_ms: fc.integer({ min: 0, max: 900 }),
    }),
  }),
  fc.record({
    is: fc.constant("merge" as const),
    batches: fc.integer({ min: 2, max: 4 }),
    small: fc.integer({ min: 2, max: 4 }),
  }),
  fc.record({ is: fc.constant("fold" as const), at }),
)

class World {
  readonly known: CallRecord[] = []
  #number = 0
  readonly #ledger: LedgerStore
  readonly #cube: TestCube
  readonly #start: number

  constructor(ledger: LedgerStore, cube: TestCube, start: number) {
    this.#ledger = ledger
    this.#cube = cube
    this.#start = start
  }

  async take(taken: Step): Promise<void> {
    if (taken.is === "record") await this.#record(taken.calls)
    if (taken.is === "merge")
      await this.#cube.merge({ batches: taken.batches, batchCells: 8, smallSegments: taken.small })
    if (taken.is === "fold") await this.#cube.merge({ foldBeforeMs: this.#start + taken.at })
    if (this.known.length === 0) return
    if (taken.is === "again") await Promise.all(taken.picks.map((pick) => this.#ledger.record(this.#pick(pick))))
    if (taken.is === "correct") {
      const picked = this.#pick(taken.pick)
      if (picked.error !== null || picked.usage.books_request_id !== null) return
      const stored = { ...picked.usage, latency_ms: Math.round(picked.usage.latency_ms) }
      await this.#cube.correct(stored, taken.usage)
      this.known[this.known.indexOf(picked)] = { ...picked, usage: { ...picked.usage, ...taken.usage } }
    }
  }

  #pick(pick: number): CallRecord {
    const picked = this.known[pick % this.known.length]
    if (picked === undefined) throw new Error("there is no call")
    return picked
  }

  async #record(calls: Extract<Step, { readonly is: "record" }>["calls"]): Promise<void> {
    const records = calls.map(({ at: since, usage: given, kind }) => this.#recordOf(this.#start + since, given, kind))
    this.known.push(...records)
    await Promise.all(records.map((record) => this.#ledger.record(record)))
  }

  #recordOf(ts: number, given: Partial<UsageRow>, kind: number): CallRecord {
    this.#number += 1
    const odd = kind === 5 ? { request_id: `${sampleRequestId(ts, this.#number)}-odd` } : {}
    const books = kind === 4 ? { books_request_id: "req_of_another" } : {}
    const record = sampleCall(ts, this.#number, { ...given, ...odd, ...books })
    if (kind !== 3) return record
    const error = { ts, code: "key-expired", status: 403, blame: "caller", error_class: null, upstream_status: null }
    const failed = { ...record.usage, status: 403, error: "key-expired" }
    return {
      ...record,
      usage: failed,
      error: {
        ...error,
        message: "no",
        param: null,
        retryable: null,
        attempts: null,
        provider: null,
        model: null,
        dialect: null,
      },
    }
  }
}

onDrawnDriver((driver) => {
  test("after any steps the cube holds what the rows add up to", async () => {
    await using state = await driver.state()
    const ledger = await state.open()
    await using cube = await testCube(state)
    let inputs = 0
    const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async (steps) => {
      const from = FIRST + inputs * SPAN_MS
      inputs += 1
      const to = from + SPAN_MS
      const world = new World(ledger, cube, from)
      for (const taken of steps) {
        await world.take(taken)
        // what this adds up is used again behind the next steps
        const asked = { by: ["caller"], top: 20, slot: "hour", measures: MEASURES, histograms: ["latency_ms"] } as const
        await cube.query({ from, to, ...asked })
      }
      const verified = await cube.verify({ from, to })
      expect(verified.differences).toEqual([])
      expect(verified.rows).toBe(world.known.length)
      const where = `WHERE ts >= ${from} AND ts < ${to}`
      await expectTotals(cube, { from, to }, (sql) => state.rows(`${sql} ${where}`))
    })
    await expectAsyncProperty(property, 100)
  }, 300_000)
})

interface SqlSums {
  readonly calls: number
  readonly input: number
  readonly fallbacks: number
}

/** Sums by SQL, for what SQL can say simply. */
async function expectTotals(
  cube: TestCube,
  range: { readonly from: number; readonly to: number },
  rows: (sql: string) => Promise<SqlSums[]>,
): Promise<void> {
  const measures: readonly StoredMeasure[] = MEASURES
  const { totals, groups } = await cube.query({ ...range, by: ["caller"], measures })
  const [sums] = await rows(
    `SELECT count(CASE WHEN books_request_id IS NULL THEN 1 END) AS calls, coalesce(sum(input_tokens), 0) AS input,
      coalesce(sum(CASE WHEN books_request_id IS NULL THEN fallback_used END), 0) AS fallbacks FROM request_usage`,
  )
  const { calls, input_tokens, fallbacks } = totals.figures.sums
  expect([calls, input_tokens, fallbacks].map(Number)).toEqual([
    sums?.calls ?? 0,
    sums?.input ?? 0,
    sums?.fallbacks ?? 0,
  ])
  for (const measure of measures) {
    const sum = groups.reduce((total, { figures }) => total + (figures.sums[measure] ?? 0n), 0n)
    expect(sum).toBe(totals.figures.sums[measure] ?? 0n)
  }
}
