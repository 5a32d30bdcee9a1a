/** Every limit refuses with its own code, says which it was and how much is left, in the client's dialect. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { ErrorCode } from "../../../src/error-catalogue.ts"
import { stall } from "../../helpers/behaviours.ts"
import type { Answer } from "../../helpers/client.ts"
import { get } from "../../helpers/client.ts"
import { callerEntry, newToken, VENDOR_MODEL } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

interface Case {
  readonly name: string
  readonly limits: Readonly<Record<string, unknown>>
  readonly code: ErrorCode
  readonly status: number
  readonly limit: string
  /** Whether the limit must be used up by calls before: by one, or by some where money is limited. */
  readonly uses: boolean
  /** In the unit of the configuration. */
  readonly value: number
}

/** Each has room for one call in flight, and for many that have ended. */
const HELD = [
  { name: "tokens held", limits: { quota: { day: { tokens: 150 } } }, code: "quota-exhausted", key: "quota" },
  { name: "requests held", limits: { quota: { month: { requests: 1 } } }, code: "quota-exhausted", key: "quota" },
  { name: "money held", limits: { spend: { day_usd: 0.002 } }, code: "spend-exhausted", key: "quota" },
  { name: "lifetime held", limits: { key: { lifetime_tokens: 150 } }, code: "key-exhausted", key: "key" },
] as const

/** A call of the samples uses 11 + 7 tokens. The Messages samples have a cap of 64, the others get one. */
const CASES: readonly Case[] = [
  {
    name: "rpm",
    limits: { rate: { rpm: 1 } },
    code: "rpm-exceeded",
    status: 429,
    limit: "rate.rpm",
    uses: true,
    value: 1,
  },
  {
    name: "tpm",
    limits: { rate: { tpm: 50 } },
    code: "tpm-exceeded",
    status: 429,
    limit: "rate.tpm",
    uses: false,
    value: 50,
  },
  ...(["day", "month"] as const).flatMap((span): Case[] => [
    {
      name: `requests of a ${span}`,
      limits: { quota: { [span]: { requests: 1 } } },
      code: "quota-exhausted",
      status: 429,
      limit: `quota.${span}.requests`,
      uses: true,
      value: 1,
    },
    {
      name: `tokens of a ${span}`,
      limits: { quota: { [span]: { tokens: 100 } } },
      code: "quota-exhausted",
      status: 429,
      limit: `quota.${span}.tokens`,
      uses: true,
      value: 100,
    },
    {
      name: `money of a ${span}`,
      limits: { spend: { [`${span}_usd`]: 0.002 } },
      code: "spend-exhausted",
      status: 429,
      limit: `spend.${span}_usd`,
      uses: true,
      value: 0.002,
    },
  ]),
  {
    name: "lifetime",
    limits: { key: { lifetime_tokens: 100 } },
    code: "key-exhausted",
    status: 403,
    limit: "key.lifetime_tokens",
    uses: true,
    value: 100,
  },
]

let upstream: FakeUpstream
let gateway: Gateway
const tokens = new Map<string, string>()

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      const add = (name: string, limits: Readonly<Record<string, unknown>>): void => {
        const token = newToken(name.replaceAll(/\W/gu, "-"))
        tokens.set(name, token)
        config.callers.push(callerEntry(name.replaceAll(/\W/gu, "-"), token, ["default"], limits))
      }
      for (const dialect of DIALECTS) {
        for (const { name, limits } of CASES) add(`${dialect} ${name}`, limits)
        for (const { name, limits } of [...HELD, ...LARGER]) add(`${dialect} ${name}`, limits)
        add(`${dialect} concurrent`, { rate: { concurrent: 1 } })
        add(`${dialect} shaped`, {
          traffic_shape: { enabled: true, request_start_per_sec: 0.01, request_burst: 1 },
        })
      }
      const free = { input_price_per_million_usd: 0, output_price_per_million_usd: 0 }
      for (const provider of Object.values(config.providers))
        provider["models"] = { ...(provider["models"] as object), free: { model: "vendor/free", ...free } }
      config.models["free"] = {
        strategy: "static",
        targets: DIALECTS.map((dialect) => ({ provider: `upstream-${dialect}`, model_ref: "free" })),
      }
      for (const caller of config.callers) caller["allow"] = ["default", "free"]
      config.projects.push({ id: "small", name: "Small", status: "active", quota: { day: { requests: 1 } } })
      config.project_memberships.push({ user_id: "me", project: "small", role: "owner", status: "active" })
      for (const name of ["small a", "small b"]) {
        const token = newToken(name.replace(" ", "-"))
        tokens.set(name, token)
        config.callers.push(callerEntry(name.replace(" ", "-"), token, ["default"], { project: "small" }))
      }
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

/** A single call needs more than all there ever is. */
const LARGER = [
  {
    name: "larger in tokens",
    limits: { quota: { day: { tokens: 20 } } },
    code: "quota-exhausted",
    status: 429,
    limit: "quota.day.tokens",
  },
  {
    name: "larger in money",
    limits: { spend: { day_usd: 0.0000001 } },
    code: "spend-exhausted",
    status: 429,
    limit: "spend.day_usd",
  },
  {
    name: "larger than a lifetime",
    limits: { key: { lifetime_tokens: 20 } },
    code: "key-exhausted",
    status: 403,
    limit: "key.lifetime_tokens",
  },
] as const

const CAP_FIELD: Readonly<Record<Dialect, string>> = {
  chat: "max_tokens",
  responses: "max_output_tokens",
  messages: "max_tokens",
}

const CAPS: Readonly<Record<Dialect, Readonly<Record<string, unknown>>>> = {
  chat: { max_tokens: 64 },
  responses: { max_output_tokens: 64 },
  messages: {},
}

async function ask(dialect: Dialect, who: string, text = "hello", stream = false): Promise<Answer> {
  const body = SAMPLES[dialect].request({ text, stream, extra: CAPS[dialect] })
  return gateway.call(dialect, body, { token: tokens.get(who)! })
}

const details = (answer: Answer): unknown => at(parsed(answer), "error", "details")

for (const dialect of DIALECTS) {
  describe(dialect, () => {
    for (const { name, code, status, limit, uses, value } of CASES) {
      test(name, async () => {
        const who = `${dialect} ${name}`
        const before = upstream.exchanges.length
        if (uses) expect((await ask(dialect, who)).status).toBe(200)
        let answer = await ask(dialect, who)
        while (name.startsWith("money") && answer.status === 200) answer = await ask(dialect, who)
        expectError(answer, dialect, status, code)
        if (name.startsWith("money")) expect(upstream.exchanges.length).toBeGreaterThan(before)
        else expect(upstream.exchanges.length - before).toBe(uses ? 1 : 0)
        expect(details(answer)).toMatchObject({ scope: "caller", limit, limit_value: value, reserved: 0 })
        expectAdvice(answer, dialect, code, limit)
        const row = gateway.records.usage(answer.requestId)[0]!
        expect(row).toMatchObject({ status, error: code, attempts: 0, total_tokens: null, total_cost_nano_usd: null })
        expect([row.quota_state, row.key_state]).toEqual([
          code === "quota-exhausted" || code === "spend-exhausted" ? "exhausted" : null,
          code === "key-exhausted" ? "exhausted" : null,
        ])
      })
    }

    test("a call beyond the concurrent ones is refused", async () => {
      const marker = `held-${dialect}`
      upstream.plan(marker, stall)
      const leaving = new AbortController()
      const held = gateway
        .open(dialect, SAMPLES[dialect].request({ text: marker }), {
          token: tokens.get(`${dialect} concurrent`)!,
          signal: leaving.signal,
        })
        .catch(() => null)
      await upstream.arrival(marker)
      const answer = await ask(dialect, `${dialect} concurrent`)
      expectError(answer, dialect, 429, "concurrency-exceeded")
      expect(answer.headers.get("retry-after")).toBe("1")
      expect(answer.headers.get("x-should-retry")).toBeNull()
      expect(details(answer)).toMatchObject({ limit: "rate.concurrent", limit_value: 1, reserved: 1, remaining: 0 })
      leaving.abort()
      await held
      for (;;) if ((await ask(dialect, `${dialect} concurrent`)).status === 200) break
    })

    for (const { name, code, key } of HELD)
      test(`${name} by a call in flight alone: to be asked again soon`, async () => {
        const who = `${dialect} ${name}`
        const marker = `${dialect}-${name}`
        upstream.plan(marker, stall)
        const leaving = new AbortController()
        const held = gateway
          .open(dialect, SAMPLES[dialect].request({ text: marker, extra: CAPS[dialect] }), {
            token: tokens.get(who)!,
            signal: leaving.signal,
          })
          .catch(() => null)
        await upstream.arrival(marker)
        const answer = await ask(dialect, who)
        expectError(answer, dialect, 429, code)
        expect(answer.headers.get("retry-after")).toBe("1")
        expect(answer.headers.get("x-should-retry")).toBeNull()
        expect(details(answer)).toMatchObject({ used: 0, [`router_${key}_state`]: "warning" })
        const row = gateway.records.usage(answer.requestId)[0]!
        expect(row).toMatchObject({ status: 429, error: code, [`${key}_state`]: "warning" })
        leaving.abort()
        await held
      })

    test.each(LARGER)("$name", async ({ name, code, status, limit }) => {
      const answer = await ask(dialect, `${dialect} ${name}`)
      expectError(answer, dialect, status, code)
      expect(answer.headers.get("x-should-retry")).toBe("false")
      // tomorrow it is as large as today
      expect([answer.headers.get("retry-after"), at(details(answer), "resets_at")]).toEqual([null, undefined])
      const state = limit.startsWith("key") ? "router_key_state" : "router_quota_state"
      expect(details(answer)).toMatchObject({ limit, used: 0, larger_than_limit: true, [state]: "ok" })
      const message = String(at(parsed(answer), "error", "message"))
      expect(message).toStartWith(`This call is larger than the whole limit ${limit} of this caller:`)
      expect(message).toContain(`(\`${CAP_FIELD[dialect]}\`)`)
      if (limit.startsWith("spend")) expect(message).toContain(`dearest target, upstream-${dialect}/${VENDOR_MODEL}.`)
      const row = gateway.records.usage(answer.requestId)[0]!
      expect([row.quota_state, row.key_state]).toEqual(limit.startsWith("key") ? [null, "ok"] : ["ok", null])
    })

    test("traffic shaping: its fields stand directly in the error", async () => {
      expect((await ask(dialect, `${dialect} shaped`)).status).toBe(200)
      const answer = await ask(dialect, `${dialect} shaped`)
      expectError(answer, dialect, 429, "traffic-shaped")
      expect(answer.headers.get("retry-after")).toBe("60")
      expect(at(parsed(answer), "error")).toMatchObject({
        request_id: answer.requestId,
        retry_after_seconds: 60,
        bucket: "caller.request_start_per_sec",
      })
      expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({
        traffic_shape_applied: 1,
        traffic_shape_decision: "refused",
        traffic_shape_scope: "caller",
        traffic_shape_bucket: "caller.request_start_per_sec",
      })
    })
  })
}

/** By http.md: a rate may be tried again soon; what is spent may not, and only where waiting does no harm is the time said. */
function expectAdvice(answer: Answer, dialect: Dialect, code: ErrorCode, limit: string): void {
  const retryAfter = answer.headers.get("retry-after")
  const resetsAt = at(details(answer), "resets_at")
  if (code === "rpm-exceeded" || code === "tpm-exceeded") {
    expect(Number(retryAfter)).toBeGreaterThanOrEqual(1)
    expect(Number(retryAfter)).toBeLessThanOrEqual(60)
    expect(resetsAt).toBeUndefined()
    // a single call above the limit never passes
    expect(answer.headers.get("x-should-retry")).toBe(code === "tpm-exceeded" ? "false" : null)
    return
  }
  expect(answer.headers.get("x-should-retry")).toBe("false")
  if (code === "key-exhausted") {
    expect([retryAfter, resetsAt]).toEqual([null, undefined])
    return
  }
  const now = new Date()
  const day = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1)
  const month = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1)
  const end = limit.includes("day") ? day : month
  expect(resetsAt).toBe(new Date(end).toISOString())
  if (dialect === "responses") expect(retryAfter).toBeNull()
  else expect(Math.abs(Number(retryAfter) - (end - now.getTime()) / 1000)).toBeLessThan(60)
}

test("a spent budget says until when, and what costs nothing meanwhile", async () => {
  const answer = await ask("chat", "chat money of a day")
  const message = String(at(parsed(answer), "error", "message"))
  const until = String(at(details(answer), "resets_at")).replace(".000Z", "Z")
  expect(message).toContain(`It counts anew from ${until}; a smaller call may fit before.`)
  expect(message).toEndWith("Until then these model groups cost nothing: free.")
})

test("a spent count of calls holds out no hope for a smaller call", async () => {
  const answer = await ask("chat", "chat requests of a day")
  const until = String(at(details(answer), "resets_at")).replace(".000Z", "Z")
  expect(String(at(parsed(answer), "error", "message"))).toEndWith(`It counts anew from ${until}.`)
})

test("a rate says when to ask again", async () => {
  const answer = await ask("chat", "chat rpm")
  const seconds = answer.headers.get("retry-after")
  expect(String(at(parsed(answer), "error", "message"))).toEndWith(`Try again in ${seconds} s.`)
})

const CODEX = [{ originator: "codex_exec" }, { "user-agent": "codex-tui/0.169.0 (linux)" }]

test.each(CODEX)("Codex reads a spent budget where it looks for it: %p", async (headers) => {
  const told = async (who: string): Promise<unknown> => {
    const body = SAMPLES.responses.request({ extra: CAPS.responses })
    return at(parsed(await gateway.call("responses", body, { token: tokens.get(who)!, headers })), "error")
  }
  const spent = await told("responses tokens of a day")
  const resetsAt = Date.parse(String(at(spent, "details", "resets_at"))) / 1000
  expect(spent).toMatchObject({ type: "usage_limit_reached", code: "quota-exhausted", resets_at: resetsAt })
  expect(await told("responses larger in money")).toMatchObject({ type: "insufficient_quota", code: "spend-exhausted" })
})

test("the limits of a project are shared by its callers, and named as its own", async () => {
  expect((await ask("chat", "small a")).status).toBe(200)
  const answer = await ask("chat", "small b")
  expectError(answer, "chat", 429, "quota-exhausted")
  expect(details(answer)).toMatchObject({ scope: "project", limit: "quota.day.requests", used: 1, remaining: 0 })
})

test("callers see their limits, and what is left of them", async () => {
  const who = "chat tokens of a day"
  const { text } = await get(gateway, "/v1/usage", { token: tokens.get(who)! })
  expect(JSON.parse(text)).toMatchObject({
    limits: [{ scope: "caller", limit: "quota.day.tokens", unit: "tokens", limit_value: 100, reserved: 0 }],
    key_state: null,
  })
})
