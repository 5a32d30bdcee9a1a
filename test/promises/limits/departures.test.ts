/** Clients with limits leave at every moment: the row says what is billed and how it is known, the limits agree, nothing stays reserved. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { UsageRow } from "../../../src/ledger/record.ts"
import { reply, resetAtOnce, stream } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { callerEntry, newToken, targetsOf } from "../../helpers/config.ts"
import { type Behaviour, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { connectRaw, requestBytes, type RawClient } from "../../helpers/raw-client.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { FRAMES_BEFORE_CONTENT, streamedAnswer } from "../../helpers/scenario.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const MOST_DRAINED = 256
const PROVIDER = { usage_source: "provider", output_tokens: 7 }

let upstream: FakeUpstream
let gateway: Gateway
const token = newToken("leaver")

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      for (const disconnect of ["abort", "drain"])
        config.models[disconnect] = { strategy: "failover", disconnect, targets: targetsOf(["upstream"]) }
      const quota = { day: { tokens: 5_000_000, requests: 10_000 } }
      const limits = { rate: { concurrent: 400 }, quota, spend: { day_usd: 500 } }
      config.callers.push(callerEntry("leaver", token, ["abort", "drain"], limits))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

interface Line {
  readonly limit: string
  readonly used: number
  readonly reserved: number
}

/** The router has answered to what came after: it has seen what was there before, such as the end of a connection. */
async function laterTurn(): Promise<void> {
  await lines()
  await lines()
}

async function lines(): Promise<readonly Line[]> {
  return at(JSON.parse((await get(gateway, "/v1/usage", { token })).text), "limits") as readonly Line[]
}

const known = new Set<string>()

/** The row of the one call that ended since it was asked last; and the limits say the same as all rows. */
async function newRow(): Promise<UsageRow> {
  const row = await eventually("a new row", () =>
    gateway.records.usage().find(({ request_id }) => !known.has(request_id)),
  )
  await expectSums()
  return row
}

/** Nothing is in flight. */
async function expectSums(): Promise<void> {
  const settled = await eventually("nothing is reserved", async () => {
    const found = await lines()
    return found.every(({ reserved }) => reserved === 0) ? found : undefined
  })
  const rows = gateway.records.usage()
  for (const { request_id: id } of rows) known.add(id)
  const used = (limit: string): number | undefined => settled.find((line) => line.limit === limit)?.used
  const sum = (of: (row: UsageRow) => number | null): number => rows.reduce((all, row) => all + (of(row) ?? 0), 0)
  expect(used("quota.day.tokens")).toBe(sum((row) => row.total_tokens))
  expect(used("quota.day.requests")).toBe(sum((row) => (row.attempts > 0 ? 1 : 0)))
  expect(Math.round(used("spend.day_usd")! * 1e9)).toBe(sum((row) => row.total_cost_nano_usd))
}

async function send(dialect: Dialect, model: string, text: string, isStream = true): Promise<RawClient> {
  const client = await connectRaw(gateway.url)
  const head = [
    `POST ${SAMPLES[dialect].path} HTTP/1.1`,
    `Authorization: Bearer ${token}`,
    "Content-Type: application/json",
  ]
  const extra = { [dialect === "responses" ? "max_output_tokens" : "max_tokens"]: 50 }
  await client.write(requestBytes(head, SAMPLES[dialect].request({ model, text, stream: isStream, extra })))
  return client
}

const TOOLS = [{ id: "call_1", name: "look", arguments: '{"where":"under the carpet"}' }]

/** Where in the stream the client leaves: so many frames have come then. */
const MOMENTS: readonly (readonly [string, (dialect: Dialect) => number])[] = [
  ["before the head", () => 0],
  ["behind the head, before content", (dialect) => FRAMES_BEFORE_CONTENT[dialect]],
  [
    "in the middle of a tool call",
    (dialect) => streamedAnswer(dialect, { calls: TOOLS, stop: "tool-calls" }).length - LAST[dialect],
  ],
]
/** Frames behind the first half of the arguments. */
const LAST = { chat: 4, responses: 4, messages: 4 } as const

for (const dialect of drawn(DIALECTS)) {
  describe(dialect, () => {
    for (const [moment, framesAt] of MOMENTS) {
      for (const group of ["abort", "drain"]) {
        test(`${group}: it leaves ${moment}`, async () => {
          const marker = `${dialect}-${group}-${moment}`
          const frames = streamedAnswer(dialect, { calls: TOOLS, stop: "tool-calls" })
          const count = framesAt(dialect)
          const gate = Promise.withResolvers<void>()
          upstream.plan(marker, stream([...frames.slice(0, count), { until: gate.promise }, ...frames.slice(count)]))
          const client = await send(dialect, group, marker)
          const exchange = await upstream.arrival(marker)
          if (count > FRAMES_BEFORE_CONTENT[dialect]) await client.until(/carpet|under|where/u)
          else await laterTurn()
          expect((await lines())[0]!.reserved).toBe(1)
          client.destroy()
          if (group === "abort") await exchange.left
          else await laterTurn()
          expect(exchange.gone).toBe(group === "abort")
          gate.resolve()
          const row = await newRow()
          expect(row).toMatchObject({ status: 499, error: "client-closed", attempts: 1 })
          if (group === "drain") expect(row).toMatchObject({ ...PROVIDER, input_tokens: 11 })
          else {
            // what Messages reports at the beginning is known once its first frame came, and somebody read it
            const isReported = dialect === "messages" && row.usage_source === "partial"
            expect(row.usage_source).toBe(isReported ? "partial" : "estimated")
            expect(row.input_tokens).toBeGreaterThan(5)
            // a call that has begun takes some tokens beside its arguments
            expect(row.output_tokens).toBeLessThan(50)
            expect(row.total_cost_nano_usd).toBeGreaterThan(0)
          }
        })
      }
    }

    for (const group of ["abort", "drain"]) {
      test(`${group}: it leaves right behind the end: the call is whole`, async () => {
        const marker = `${dialect}-${group}-end`
        upstream.plan(marker, stream(SAMPLES[dialect].frames()))
        const client = await send(dialect, group, marker)
        await client.until(/\[DONE\]|response\.completed|message_stop/u)
        client.reset()
        expect(await newRow()).toMatchObject({ ...PROVIDER, status: 200, error: null })
      })
    }
  })
}

const FAILS: Readonly<Record<string, readonly [Behaviour, string]>> = {
  "says that it failed": [reply(SAMPLES.chat.errorBody("no"), { status: 500 }), "server_error"],
  "breaks off": [resetAtOnce, "network"],
  "answers nothing": [reply('{"choices":[]}'), "malformed_answer"],
  "ends its stream at once": [stream([]), "empty_stream"],
}

for (const [name, [failing, errorClass]] of Object.entries(FAILS)) {
  for (const isStream of [false, true]) {
    if (!isStream && errorClass === "empty_stream") continue
    test(`a call that is read on costs nothing where its upstream ${name} (${isStream ? "streamed" : "unary"})`, async () => {
      const marker = `read on and ${name} ${isStream}`
      const gate = Promise.withResolvers<void>()
      upstream.plan(marker, async (exchange) => {
        await gate.promise
        await failing(exchange)
      })
      const client = await send("chat", "drain", marker, isStream)
      await upstream.arrival(marker)
      client.destroy()
      await laterTurn()
      gate.resolve()
      const row = await newRow()
      expect(row).toMatchObject({ status: 499, usage_source: "none", total_tokens: null, total_cost_nano_usd: null })
      // a reset may meet a kept connection, which is tried once more
      const attempts = gateway.records.attempts(row.request_id).filter((one) => one.error_class !== "stale_connection")
      expect(attempts).toMatchObject([{ error_class: errorClass, client_canceled: 1 }])
    })
  }
}

for (const group of ["abort", "drain"]) {
  test(`${group}: a client that closes its own side of the connection has left`, async () => {
    const marker = `half-closed-${group}`
    const gate = Promise.withResolvers<void>()
    upstream.plan(marker, stream([{ until: gate.promise }, ...SAMPLES.chat.frames()]))
    const client = await send("chat", group, marker)
    const exchange = await upstream.arrival(marker)
    client.end()
    if (group === "abort") await exchange.left
    else await laterTurn()
    gate.resolve()
    const row = await newRow()
    expect(row).toMatchObject({ status: 499, usage_source: group === "abort" ? "estimated" : "provider" })
    client.destroy()
  })
}

test("more departures than may be drained: the rest is aborted, and all of them are billed", async () => {
  const gate = Promise.withResolvers<void>()
  upstream.plan("a crowd", stream([{ until: gate.promise }, ...SAMPLES.chat.frames()]))
  const count = MOST_DRAINED + 24
  const clients = await Promise.all(Array.from({ length: count }, () => send("chat", "drain", "a crowd")))
  await upstream.arrival("a crowd", count)
  for (const client of clients) client.destroy()
  const aborted = await eventually("those beyond the bound", () => {
    const rows = gateway.records.usage().filter(({ request_id }) => !known.has(request_id))
    return rows.length === count - MOST_DRAINED ? rows : undefined
  })
  for (const row of aborted) expect(row).toMatchObject({ status: 499, usage_source: "estimated", output_tokens: 0 })
  expect((await lines())[0]!.reserved).toBe(MOST_DRAINED)
  gate.resolve()
  const drained = await eventually("all others", () => {
    const rows = gateway.records.usage().filter(({ request_id }) => !known.has(request_id))
    return rows.length === count ? rows : undefined
  })
  expect(drained.filter((row) => row.usage_source === "provider")).toHaveLength(MOST_DRAINED)
  await expectSums()
  // there is room again
  const again = await send("chat", "drain", "hello")
  await again.until(/\[DONE\]/u)
  again.destroy()
  expect(await newRow()).toMatchObject({ status: 200 })
})
