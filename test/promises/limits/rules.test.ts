/** What is reserved, and for how long: hidden input, several answers, money, waiting calls, soft limits, failed calls. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply, stall } from "../../helpers/behaviours.ts"
import { eventually, get, type Answer } from "../../helpers/client.ts"
import { callerEntry, newToken, PRICES, targetsOf, VENDOR_MODEL } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { readExposition } from "../../helpers/exposition.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { handOutHeld } from "../../helpers/stored-ids.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const CONTEXT = 30_000

let upstream: FakeUpstream
let gateway: Gateway
const tokens = new Map<string, string>()

const CALLERS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  wide: { quota: { day: { tokens: 10_000_000 } }, spend: { month_usd: 1000 } },
  counted: { rate: { rpm: 5 }, quota: { day: { requests: 5 }, month: { tokens: 1_000_000 } } },
  money: { spend: { day_usd: 1 } },
  soft: { quota: { day: { requests: 4 }, soft_pct: 50 }, key: { lifetime_tokens: 200, soft_pct: 50 } },
  queued: {
    traffic_shape: {
      enabled: true,
      request_start_per_sec: 2,
      request_burst: 1,
      queue: { enabled: true, max_wait_ms: 600_000, max_depth: 3 },
    },
  },
  impatient: {
    traffic_shape: {
      enabled: true,
      request_start_per_sec: 0.02,
      request_burst: 1,
      queue: { enabled: true, max_wait_ms: 40, max_depth: 1 },
    },
  },
  standing: {
    traffic_shape: {
      enabled: true,
      request_start_per_sec: 0.001,
      request_burst: 1,
      queue: { enabled: true, max_wait_ms: 600_000, max_depth: 2 },
    },
  },
  watching: { metrics_admin: true },
  ...Object.fromEntries(
    ["chat", "responses", "messages", "n"].map((name) => [
      `absurd ${name}`,
      {
        traffic_shape: { enabled: true, output_reservation_tokens_per_sec: 10, output_reservation_token_burst: 100 },
      },
    ]),
  ),
  "absurd in line": {
    traffic_shape: {
      enabled: true,
      output_reservation_tokens_per_sec: 10,
      output_reservation_token_burst: 100,
      queue: { enabled: true, max_wait_ms: 600_000, max_depth: 3 },
    },
  },
  "by tokens": {
    traffic_shape: { enabled: true, output_reservation_tokens_per_sec: 1, output_reservation_token_burst: 100 },
  },
}

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      for (const provider of Object.values(config.providers)) {
        provider["models"] = {
          m1: { model: VENDOR_MODEL, ...PRICES, context_tokens: CONTEXT },
          unpriced: { model: "u" },
          short: { model: VENDOR_MODEL, ...PRICES, max_output_tokens: 500 },
        }
      }
      config.models["unpriced"] = {
        strategy: "failover",
        targets: targetsOf(["upstream"]).map((target) => ({ ...target, model_ref: "unpriced" })),
      }
      config.models["short"] = {
        strategy: "failover",
        targets: targetsOf(["upstream"]).map((target) => ({ ...target, model_ref: "short" })),
      }
      config.models["mixed"] = {
        strategy: "failover",
        targets: [
          ...targetsOf(["upstream"]).map((target) => ({ ...target, model_ref: "unpriced" })),
          ...targetsOf(["upstream"]),
        ],
      }
      config.models["strict"] = { strategy: "failover", hosted_tools: "refuse", targets: targetsOf(["upstream"]) }
      for (const [name, limits] of Object.entries(CALLERS)) {
        const id = name.replaceAll(/\W/gu, "-")
        const token = newToken(id)
        tokens.set(name, token)
        config.callers.push(callerEntry(id, token, ["default", "unpriced", "short", "mixed", "strict"], limits))
      }
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
  readonly state: string
}

async function viewOf(who: string): Promise<{ readonly limits: readonly Line[]; readonly [key: string]: unknown }> {
  const { text } = await get(gateway, "/v1/usage", { token: tokens.get(who)! })
  return JSON.parse(text) as { limits: Line[] }
}

async function ask(who: string, dialect: Dialect, extra: object = {}, model = "default"): Promise<Answer> {
  const body = SAMPLES[dialect].request({ model, extra: { max_tokens: 10, ...extra } })
  return gateway.call(dialect, body, { token: tokens.get(who)! })
}

/** What a call reserves while its upstream thinks about it. */
async function reserved(
  dialect: Dialect,
  extra: object,
  model?: string,
): Promise<{ readonly tokens: number; readonly usd: number }> {
  const marker = `holds-${Math.round(upstream.exchanges.length)}-${JSON.stringify(extra).length}`
  upstream.plan(marker, stall)
  const leaving = new AbortController()
  const body = SAMPLES[dialect].request({
    text: marker,
    ...(model === undefined ? {} : { model }),
    extra: { ...extra },
  })
  const held = gateway.open(dialect, body, { token: tokens.get("wide")!, signal: leaving.signal }).catch(() => null)
  await upstream.arrival(marker)
  const { limits } = await viewOf("wide")
  leaving.abort()
  await held
  await eventually("the end", async () =>
    (await viewOf("wide")).limits.every((line) => line.reserved === 0) ? true : undefined,
  )
  return { tokens: limits[0]!.reserved, usd: limits[1]!.reserved }
}

describe("what is reserved", () => {
  test("the cap, for each answer, and the input by its size, at their prices", async () => {
    const one = await reserved("chat", { max_tokens: 1000 })
    expect(one.tokens).toBeGreaterThan(1000)
    expect(one.tokens).toBeLessThan(1100)
    // input may be written to a cache for an hour
    expect(one.usd).toBeCloseTo((1000 * 15 + (one.tokens - 1000) * 6) / 1e6, 9)
    const three = await reserved("chat", { max_tokens: 1000, n: 3 })
    expect(three.tokens).toBeGreaterThan(3000)
    expect(three.tokens).toBeLessThan(3100)
  })

  const HIDDEN: readonly (readonly [string, Dialect, object])[] = [
    ["an earlier answer", "responses", { previous_response_id: "resp_0", max_output_tokens: 100 }],
    ["a conversation", "responses", { conversation: "conv_1", max_output_tokens: 100 }],
    ["a thread", "messages", { thread: { type: "continue", previous_message_id: "m" }, max_tokens: 100 }],
    ["tools that the provider executes", "responses", { tools: [{ type: "web_search" }], max_output_tokens: 100 }],
    [
      "a file",
      "chat",
      {
        max_tokens: 100,
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "PLACE" },
              { type: "file", file: { file_id: "f" } },
            ],
          },
        ],
      },
    ],
  ]
  for (const [name, dialect, extra] of HIDDEN) {
    test(`input that cannot be seen is reserved at the context: ${name}`, async () => {
      handOutHeld(
        gateway.directory,
        dialect,
        JSON.parse(SAMPLES[dialect].request({ extra: { ...extra } })) as Record<string, unknown>,
        {
          provider: `upstream-${dialect}`,
        },
      )
      const marker = `holds-${upstream.exchanges.length}-`
      const filled = JSON.parse(JSON.stringify(extra).replace("PLACE", `${marker}x`)) as object
      if (JSON.stringify(extra).includes("PLACE")) {
        upstream.plan(`${marker}x`, stall)
        const leaving = new AbortController()
        const held = gateway
          .open(dialect, SAMPLES[dialect].request({ extra: { ...filled } }), {
            token: tokens.get("wide")!,
            signal: leaving.signal,
          })
          .catch(() => null)
        await upstream.arrival(`${marker}x`)
        expect((await viewOf("wide")).limits[0]!.reserved).toBe(CONTEXT)
        leaving.abort()
        await held
        await eventually("the end", async () => ((await viewOf("wide")).limits[0]!.reserved === 0 ? true : undefined))
        return
      }
      expect((await reserved(dialect, extra)).tokens).toBe(CONTEXT)
    })
  }

  test("an image is not taken for text", async () => {
    const image = { type: "image_url", image_url: { url: `data:image/png;base64,${"A".repeat(400_000)}` } }
    const marker = "holds-an-image"
    upstream.plan(marker, reply(SAMPLES.chat.unary()))
    const messages = [{ role: "user", content: [{ type: "text", text: marker }, image] }]
    const answer = await ask("wide", "chat", { messages })
    const row = gateway.records.usage(answer.requestId)[0]!
    expect(row.estimated_input_tokens).toBeGreaterThan(25_600)
    expect(row.estimated_input_tokens).toBeLessThan(25_800)
  })
})

describe("money", () => {
  test("a target without prices is not for callers with a budget", async () => {
    const before = upstream.exchanges.length
    const answer = await ask("money", "chat", {}, "unpriced")
    expectError(answer, "chat", 400, "no-eligible-target")
    expect(at(parsed(answer), "error", "details", "hint")).toContain("prices")
    expect(upstream.exchanges.length).toBe(before)
  })

  test("where another target has prices that one serves", async () => {
    const answer = await ask("money", "chat", {}, "mixed")
    expect(answer.status).toBe(200)
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ target_model: VENDOR_MODEL })
  })

  test("other callers are served by it", async () => {
    expect((await ask("soft", "chat", {}, "unpriced")).status).toBe(200)
  })
})

test("from the soft share on calls are recorded with a warning, and callers see it", async () => {
  const states: (string | null)[][] = []
  for (let call = 0; call < 3; call += 1) {
    const answer = await ask("soft", "chat")
    const row = gateway.records.usage(answer.requestId)[0]!
    states.push([row.quota_state, row.key_state])
  }
  // one call was made above
  expect(states.map(([quota]) => quota)).toEqual(["warning", "warning", "exhausted"])
  expect(states.map(([, key]) => key)).toContain("ok")
  expect(await viewOf("soft")).toMatchObject({ quota_state: "exhausted" })
})

test("a call that failed upstream gives back all tokens and money", async () => {
  const before = await viewOf("wide")
  upstream.plan("boom", reply("{}", { status: 500 }))
  const body = SAMPLES.chat.request({ text: "boom", extra: { max_tokens: 10 } })
  expect((await gateway.call("chat", body, { token: tokens.get("wide")! })).status).toBe(502)
  const after = await viewOf("wide")
  expect(after.limits).toEqual(before.limits)
})

test("a call that no target was asked for counts nowhere", async () => {
  const answer = await ask("counted", "responses", { tools: [{ type: "web_search" }] }, "strict")
  expectError(answer, "responses", 400, "provider-hosted-tools-forbidden")
  expect((await viewOf("counted")).limits.map(({ used, reserved: held }) => used + held)).toEqual([0, 0, 0])
})

describe("the line of a shaped caller", () => {
  test("calls wait for their turn, in order, and rows say how long", async () => {
    const first = await ask("queued", "chat")
    const waiting = await Promise.all([1, 2, 3].map(() => ask("queued", "chat")))
    expect([first, ...waiting].map(({ status }) => status)).toEqual([200, 200, 200, 200])
    const rows = waiting.map(({ requestId }) => gateway.records.usage(requestId)[0]!)
    const last = rows.toSorted(
      (one, other) => (one.traffic_shape_queue_wait_ms ?? 0) - (other.traffic_shape_queue_wait_ms ?? 0),
    )[2]!
    expect(last).toMatchObject({
      traffic_shape_applied: 1,
      traffic_shape_decision: "queued",
      traffic_shape_bucket: "caller.request_start_per_sec",
    })
    expect(last.traffic_shape_queue_wait_ms).toBeGreaterThan(0)
  })

  test("it is bounded in time", async () => {
    expect((await ask("impatient", "chat")).status).toBe(200)
    const answer = await ask("impatient", "chat")
    expectError(answer, "chat", 429, "traffic-shaped")
    expect(gateway.records.usage(answer.requestId)[0]!.traffic_shape_queue_wait_ms).toBeGreaterThanOrEqual(39)
  })

  test("it is bounded in length, and a client that leaves gives its place back", async () => {
    expect((await ask("standing", "chat")).status).toBe(200)
    const stand = (leaving: AbortController): Promise<unknown> => {
      const body = SAMPLES.chat.request({ text: "leaves the line" })
      return gateway.call("chat", body, { token: tokens.get("standing")!, signal: leaving.signal }).catch(() => null)
    }
    const isLong = async (length: number): Promise<true | undefined> => {
      const page = await get(gateway, "/metrics", { token: tokens.get("watching")! })
      return readExposition(page.text).sum("smart_router_queued_calls") === length ? true : undefined
    }
    const [leaving, later] = [new AbortController(), new AbortController()]
    const gone = [stand(leaving), stand(leaving)]
    await eventually("a full line", () => isLong(2))
    const refused = await ask("standing", "chat")
    expectError(refused, "chat", 429, "traffic-shaped")
    expect(gateway.records.usage(refused.requestId)[0]!.traffic_shape_queue_wait_ms ?? 0).toBe(0)
    leaving.abort()
    await Promise.all(gone)
    await eventually("an empty line", () => isLong(0))
    const next = stand(later)
    await eventually("its place in the line", () => isLong(1))
    later.abort()
    await next
    const left = await eventually("their rows", () => {
      const rows = gateway.records.usage().filter(({ status, caller_id }) => status === 499 && caller_id === "standing")
      return rows.length === 3 ? rows : undefined
    })
    expect(left.every(({ attempts }) => attempts === 0)).toBe(true)
    expect(upstream.received("leaves the line")).toEqual([])
  })

  test("buckets of tokens count what is reserved", async () => {
    expect((await ask("by tokens", "chat", { max_tokens: 90 })).status).toBe(200)
    const answer = await ask("by tokens", "chat", { max_tokens: 90 })
    expectError(answer, "chat", 429, "traffic-shaped")
    expect(at(parsed(answer), "error", "bucket")).toBe("caller.output_reservation_tokens_per_sec")
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ traffic_shape_reserved_output_tokens: 90 })
  })

  for (const dialect of DIALECTS) {
    test(`${dialect}: a cap beyond anything leaves no debt, and is not to be tried again`, async () => {
      const key = dialect === "responses" ? "max_output_tokens" : "max_tokens"
      const who = `absurd ${dialect}`
      const answer = await ask(who, dialect, { [key]: 9e15 }, "unpriced")
      expectError(answer, dialect, 429, "traffic-shaped")
      expect(answer.headers.get("x-should-retry")).toBe("false")
      expect(at(parsed(answer), "error", "message")).toContain("output_reservation_tokens_per_sec")
      expect((await ask(who, dialect, { [key]: 50 }, "unpriced")).status).toBe(200)
    })
  }

  test("answers beyond number leave no debt either", async () => {
    expectError(await ask("absurd n", "chat", { n: 9e15, max_tokens: 10 }), "chat", 429, "traffic-shaped")
    expect((await ask("absurd n", "chat", { max_tokens: 10 })).status).toBe(200)
  })

  test("a call that never passes does not wait", async () => {
    expectError(await ask("absurd in line", "chat", { max_tokens: 9e15 }, "unpriced"), "chat", 429, "traffic-shaped")
  })

  test("no more is reserved than the model can write", async () => {
    const { tokens: inAll } = await reserved("chat", { max_tokens: 9e15, n: 2 }, "short")
    expect(inAll).toBeGreaterThan(1000)
    expect(inAll).toBeLessThan(1100)
  })
})
