/** Calls without an output cap: streams reserve as they grow, unary calls what is left; neither goes beyond a budget. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import { eventually, get, readAnswer, type Answer } from "../../helpers/client.ts"
import { callerEntry, newToken, PRICES, VENDOR_MODEL } from "../../helpers/config.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const STEP = 40
const MAX_OUTPUT = 5000
const CAP_FIELDS = { chat: "max_tokens", responses: "max_output_tokens", messages: "max_tokens" } as const

let upstream: FakeUpstream
let gateway: Gateway
const tokens = new Map<string, string>()

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      for (const provider of Object.values(config.providers)) {
        provider["models"] = { m1: { model: VENDOR_MODEL, ...PRICES, max_output_tokens: MAX_OUTPUT } }
      }
      config.models["default"]!["default_output_reservation"] = STEP
      const add = (name: string, limits: Readonly<Record<string, unknown>>): void => {
        const id = name.replaceAll(/\W/gu, "-")
        const token = newToken(id)
        tokens.set(name, token)
        config.callers.push(callerEntry(id, token, ["default"], limits))
      }
      for (const dialect of DIALECTS) {
        add(`${dialect} tight`, { quota: { day: { tokens: 250 } } })
        add(`${dialect} wide`, { quota: { day: { tokens: 100_000 } } })
        add(`${dialect} frames`, { quota: { day: { tokens: 1000 } } })
        add(`${dialect} enough`, { quota: { day: { tokens: 215 } } })
        add(`${dialect} poor`, { spend: { day_usd: 0.002 } })
        add(`${dialect} free`, {})
        add(`${dialect} calls only`, { rate: { rpm: 100, concurrent: 5 } })
      }
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

/** Messages demands a cap; a client that sends `null` gives none. */
function request(dialect: Dialect, text: string, isStream: boolean): string {
  const extra = dialect === "messages" ? { max_tokens: null } : {}
  return SAMPLES[dialect].request({ text, stream: isStream, extra })
}

async function ask(dialect: Dialect, who: string, text: string, isStream: boolean): Promise<Answer> {
  return gateway.call(dialect, request(dialect, text, isStream), { token: tokens.get(`${dialect} ${who}`)! })
}

async function lineOf(dialect: Dialect, who: string): Promise<{ readonly used: number; readonly reserved: number }> {
  const { text } = await get(gateway, "/v1/usage", { token: tokens.get(`${dialect} ${who}`)! })
  const [line] = at(JSON.parse(text), "limits") as { used: number; reserved: number }[]
  return line!
}

/** So many deltas of a token each. */
function long(dialect: Dialect, deltas: number): readonly string[] {
  return SAMPLES[dialect].frames(Array.from({ length: deltas }, (_, index) => (index % 2 === 0 ? " tick" : " tock")))
}

/** 64 tokens of text, in 320 characters. */
const MANY = " tick tock".repeat(32)

for (const dialect of drawn(DIALECTS)) {
  describe(dialect, () => {
    test("a stream grows in steps, and every step is reserved before it comes", async () => {
      const marker = `grows-${dialect}`
      const gate = Promise.withResolvers<void>()
      const frames = long(dialect, 200)
      upstream.plan(marker, stream([...frames.slice(0, 150), { until: gate.promise }, ...frames.slice(150)]))
      const response = await gateway.open(dialect, request(dialect, marker, true), {
        token: tokens.get(`${dialect} wide`)!,
      })
      const answer = readAnswer(response)
      const grown = await eventually("a reservation of what came", async () => {
        const { reserved } = await lineOf(dialect, "wide")
        return reserved >= 140 ? reserved : undefined
      })
      expect(grown).toBeLessThan(400)
      gate.resolve()
      expect((await answer).text).toBe(frames.join(""))
      expect(await lineOf(dialect, "wide")).toMatchObject({ used: 18, reserved: 0 })
    })

    test("what a stream repeats at its end is not taken for more output", async () => {
      const marker = `repeats-${dialect}`
      const frames = long(dialect, 120)
      const last = dialect === "responses" ? 1 : 0
      upstream.plan(marker, stream(frames), stream([...frames.slice(0, frames.length - last), { end: "reset" }]))
      const answer = await ask(dialect, "enough", marker, true)
      expect(answer.text).toBe(frames.join(""))
      if (last === 0) return
      const broken = await ask(dialect, "wide", marker, true)
      const row = await eventually("the row", () => gateway.records.usage(broken.requestId)[0])
      expect(row).toMatchObject({ error: "upstream-failed", usage_source: "estimated", output_tokens: 120 })
    })

    test("where no more may be reserved the stream ends with the limit's error, and what came is billed", async () => {
      const marker = `stops-${dialect}`
      upstream.plan(marker, stream([...long(dialect, 2000).slice(0, 1500), { end: "stall" }]))
      const answer = await ask(dialect, "tight", marker, true)
      expect(answer.status).toBe(200)
      expect(answer.broken).toBe(false)
      expect(answer.text.includes("quota-exhausted")).toBe(true)
      const last = answer.text.trimEnd().split("\n\n").at(-1) ?? ""
      if (dialect === "responses") expect(last).toStartWith("event: response.failed")
      else if (dialect === "messages") expect(last).toStartWith("event: error")
      else expect(last).toStartWith('data: {"error"')
      expect(answer.text).not.toContain("[DONE]")
      const exchange = await upstream.arrival(marker)
      await exchange.left
      const row = await eventually("the row", () => gateway.records.usage(answer.requestId)[0])
      expect(row).toMatchObject({ status: 429, error: "quota-exhausted", attempts: 1 })
      expect(row.usage_source).toBe(dialect === "messages" ? "partial" : "estimated")
      expect(row.output_tokens).toBeGreaterThan(100)
      expect(row.total_tokens).toBeLessThanOrEqual(250)
      expect(row.total_cost_nano_usd).toBeGreaterThan(100 * 15_000)
      expect(await lineOf(dialect, "tight")).toMatchObject({ used: row.total_tokens, reserved: 0 })
    })

    test("frames of many tokens each are counted by their text: no more comes than the limit allows", async () => {
      const marker = `wide-frames-${dialect}`
      upstream.plan(
        marker,
        stream([...SAMPLES[dialect].frames(Array.from({ length: 50 }, () => MANY)).slice(0, 45), { end: "stall" }]),
      )
      const answer = await ask(dialect, "frames", marker, true)
      expect(answer.text.includes("quota-exhausted")).toBe(true)
      // what came with the chunk in which the limit was reached is out
      const delivered = answer.text.split("tick tock").length * 2
      const row = await eventually("the row", () => gateway.records.usage(answer.requestId)[0])
      expect(row.output_tokens).toBeGreaterThan(0.7 * delivered)
      expect(row.output_tokens).toBeLessThan(1.6 * delivered)
      expect(await lineOf(dialect, "frames")).toMatchObject({ used: row.total_tokens, reserved: 0 })
    })

    test("a client that hangs up pays for the text that came, in however few frames", async () => {
      const marker = `hang-up-${dialect}`
      upstream.plan(marker, stream([...SAMPLES[dialect].frames([MANY, MANY, MANY]).slice(0, -1), { end: "reset" }]))
      const answer = await ask(dialect, "wide", marker, true)
      const row = await eventually("the row", () => gateway.records.usage(answer.requestId)[0])
      expect(row.error).toBe("upstream-failed")
      expect(row.output_tokens).toBeGreaterThan(0.7 * 192)
      expect(row.output_tokens).toBeLessThan(1.6 * 192)
    })

    test("a unary call goes upstream without a cap while the budget holds the model's largest answer", async () => {
      const marker = `whole-${dialect}`
      expect((await ask(dialect, "wide", marker, false)).status).toBe(200)
      const sent = JSON.parse(bodyText((await upstream.arrival(marker)).request)) as Record<string, unknown>
      expect(sent[CAP_FIELDS[dialect]] ?? null).toBeNull()
    })

    test("where less is left, just that is the cap that is sent", async () => {
      const marker = `capped-${dialect}`
      upstream.plan(marker, reply(SAMPLES[dialect].unary()))
      const answer = await ask(dialect, "poor", marker, false)
      expect(answer.text).toBe(SAMPLES[dialect].unary())
      const sent = bodyText((await upstream.arrival(marker)).request)
      const cap = (JSON.parse(sent) as Record<string, unknown>)[CAP_FIELDS[dialect]] as number
      // 0.002 USD at 15 USD for a million tokens, less the input
      expect(cap).toBeGreaterThan(100)
      expect(cap).toBeLessThan(134)
      // nothing else of the body is touched
      const given = request(dialect, marker, false).replace('"default"', JSON.stringify(VENDOR_MODEL))
      const field = CAP_FIELDS[dialect]
      const expected =
        dialect === "messages"
          ? given.replace(`"${field}":null`, `"${field}":${cap}`)
          : given.replace(/\}$/u, `,"${field}":${cap}}`)
      expect(sent).toBe(expected)
    })

    for (const who of ["free", "calls only"]) {
      test(`nothing changes for callers without token or money limits (${who})`, async () => {
        const marker = `untouched-${dialect}-${who}`
        const frames = long(dialect, 300)
        upstream.plan(marker, stream(frames))
        const answer = await ask(dialect, who, marker, true)
        expect(answer.text).toBe(frames.join(""))
        const sent = bodyText((await upstream.arrival(marker)).request)
        expect(sent).toBe(request(dialect, marker, true).replace('"default"', JSON.stringify(VENDOR_MODEL)))
        expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ estimated_input_tokens: null })
      })
    }
  })
}
