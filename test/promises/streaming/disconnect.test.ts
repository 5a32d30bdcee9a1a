/** A client that leaves pays for what was done: estimated where its group aborts, exactly where it drains. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { UsageRow } from "../../../src/ledger/record.ts"
import { reply, stall, stream } from "../../helpers/behaviours.ts"
import { eventually, get, readAnswer } from "../../helpers/client.ts"
import { callerEntry, newToken, targetsOf } from "../../helpers/config.ts"
import { type Behaviour, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { untilGauge } from "../../helpers/gauge.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway
const limited = newToken("limited")
const watcher = newToken("watcher")

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.models["draining"] = { strategy: "failover", disconnect: "drain", targets: targetsOf(["upstream"]) }
      config.callers[0]!["allow"] = ["default", "draining"]
      const limits = { quota: { day: { tokens: 1_000_000 } }, spend: { day_usd: 50 } }
      config.callers.push(callerEntry("watcher", watcher, [], { metrics_admin: true }))
      config.callers.push(callerEntry("limited", limited, ["default", "draining"], limits))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

/** Calls, leaves once `leaveAt` resolves or text has come, and returns the row. */
async function leave(
  dialect: Dialect,
  group: string,
  marker: string,
  when: "before an answer" | "after content",
  isStream: boolean,
  token = gateway.token,
): Promise<UsageRow> {
  const leaving = new AbortController()
  const body = SAMPLES[dialect].request({ model: group, text: marker, stream: isStream })
  const opened = gateway.open(dialect, body, { signal: leaving.signal, token })
  if (when === "before an answer") {
    await upstream.arrival(marker)
    leaving.abort()
    await opened.catch(() => null)
  } else await readAnswer(await opened, () => leaving.abort())
  return eventually("the row", () =>
    gateway.records.usage().find((row) => row.status === 499 && seen(row) && row.resolved_group === group),
  )
}

const known = new Set<string>()
function seen({ request_id: id }: UsageRow): boolean {
  if (known.has(id)) return false
  known.add(id)
  return true
}

function frames(dialect: Dialect): { readonly first: readonly string[]; readonly rest: readonly string[] } {
  const all = SAMPLES[dialect].frames(["Hi", " there", " and", " more"])
  const content = SAMPLES[dialect].framesBeforeContent + 2
  return { first: all.slice(0, content), rest: all.slice(content) }
}

async function reservedOf(token: string): Promise<number> {
  const { text } = await get(gateway, "/v1/usage", { token })
  const lines = at(JSON.parse(text), "limits") as readonly { readonly reserved: number }[]
  return lines.reduce((sum, line) => sum + line.reserved, 0)
}

for (const dialect of drawn(DIALECTS)) {
  describe(dialect, () => {
    test("abort: the upstream is cancelled, what came is billed with an estimate of the input", async () => {
      const marker = `abort-${dialect}`
      upstream.plan(marker, stream([...frames(dialect).first, { end: "stall" }]))
      const row = await leave(dialect, "default", marker, "after content", true, limited)
      await (
        await upstream.arrival(marker)
      ).left
      // Messages tells its input at the beginning
      expect(row.usage_source).toBe(dialect === "messages" ? "partial" : "estimated")
      expect(row.input_tokens).toBeGreaterThan(5)
      expect(row.output_tokens).toBeGreaterThanOrEqual(2)
      expect(row.total_cost_nano_usd).toBeGreaterThan(2 * 15_000)
      expect(await reservedOf(limited)).toBe(0)
    })

    test("abort before an answer: the input is billed, hanging up is not free", async () => {
      const marker = `early-${dialect}`
      upstream.plan(marker, stall)
      const row = await leave(dialect, "default", marker, "before an answer", false)
      expect(row).toMatchObject({ usage_source: "estimated", output_tokens: 0, target_model: "vendor/model-1" })
      expect(row.input_tokens).toBeGreaterThan(5)
      expect(row.total_cost_nano_usd).toBe((row.input_tokens ?? 0) * 3000)
    })

    for (const when of ["before an answer", "after content"] as const) {
      test(`drain: a stream is read on to its usage (${when})`, async () => {
        const marker = `drain-${dialect}-${when}`
        const gate = Promise.withResolvers<void>()
        const { first, rest } = frames(dialect)
        const waits = { until: gate.promise }
        upstream.plan(
          marker,
          stream(when === "after content" ? [...first, waits, ...rest] : [waits, ...first, ...rest]),
        )
        const leaving = leave(dialect, "draining", marker, when, true, limited)
        const exchange = await upstream.arrival(marker)
        await untilGauge("drained", 1, gateway, watcher)
        expect(exchange.gone).toBe(false)
        expect(await reservedOf(limited)).toBeGreaterThan(0)
        gate.resolve()
        expect(await leaving).toMatchObject({
          error: "client-closed",
          usage_source: "provider",
          input_tokens: 11,
          output_tokens: 7,
          total_cost_nano_usd: 11 * 3000 + 7 * 15_000,
        })
        expect(await reservedOf(limited)).toBe(0)
      })
    }

    test("drain: a unary answer is waited for", async () => {
      const marker = `drain-unary-${dialect}`
      const gate = Promise.withResolvers<void>()
      const late: Behaviour = async (exchange) => {
        await gate.promise
        await reply(SAMPLES[dialect].unary())(exchange)
      }
      upstream.plan(marker, late)
      const leaving = leave(dialect, "draining", marker, "before an answer", false)
      await untilGauge("drained", 1, gateway, watcher)
      gate.resolve()
      expect(await leaving).toMatchObject({ usage_source: "provider", input_tokens: 11, output_tokens: 7 })
    })
  })
}
