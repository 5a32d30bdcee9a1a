/** A cap is believed only where the server reads the field that it stands in, and an answer that goes beyond it is stopped. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { UsageRow } from "../../../src/ledger/record.ts"
import { reply, stream } from "../../helpers/behaviours.ts"
import { eventually, get, readAnswer, type Answer } from "../../helpers/client.ts"
import { callerEntry, newToken, PRICES, targetsOf, VENDOR_MODEL } from "../../helpers/config.ts"
import { readExposition } from "../../helpers/exposition.ts"
import { type Behaviour, bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { sampleFor } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const QUOTA = 6000
/** What a server writes that knows of no cap. */
const MUCH = 5000
/** Frames that may be read together with the one that is too much. */
const AT_ONCE = 250
const WORDS = Array.from({ length: MUCH }, (_, index) => (index % 2 === 0 ? " tick" : " tock"))

let older: FakeUpstream
let newer: FakeUpstream
let deaf: FakeUpstream
let gateway: Gateway
const tokens = new Map<string, string>()

/** Obeys the cap in one field of its dialect, and reports what it wrote. */
function obeying(field: string | null): Behaviour {
  return async (exchange) => {
    const body = JSON.parse(bodyText(exchange.request)) as Record<string, unknown>
    const sample = sampleFor(exchange.request)
    const cap = field === null ? undefined : body[field]
    const written = typeof cap === "number" && cap > 0 ? Math.min(cap, MUCH) : MUCH
    const text = sample.unary(WORDS.slice(0, written).join(""))
    const reported = text.replace(/"(completion_tokens|output_tokens)":\d+/gu, `"$1":${written}`)
    if (body["stream"] === true) await stream(sample.frames(WORDS.slice(0, written)))(exchange)
    else await reply(reported.replace(/"total_tokens":\d+/u, `"total_tokens":${11 + written}`))(exchange)
  }
}

beforeAll(async () => {
  older = (await FakeUpstream.start()).otherwise(obeying("max_tokens"))
  newer = (await FakeUpstream.start()).otherwise(obeying("max_completion_tokens"))
  deaf = (await FakeUpstream.start()).otherwise(obeying(null))
  gateway = await startGateway({
    upstreams: { older, newer, deaf },
    configure: (config) => {
      for (const provider of Object.values(config.providers))
        provider["models"] = { m1: { model: VENDOR_MODEL, ...PRICES, max_output_tokens: 8000 } }
      for (const [name, targets] of [
        ["older", targetsOf(["older"])],
        ["newer", targetsOf(["newer"]).map((target) => ({ ...target, output_token_field: "max_completion_tokens" }))],
        ["both", targetsOf(["newer", "older"])],
        ["deaf", targetsOf(["deaf"])],
      ] as const)
        config.models[name] = { strategy: "failover", targets, default_output_reservation: 200 }
      config.models["deaf"]!["default_output_reservation"] = 64
      const groups = ["older", "newer", "both", "deaf"]
      const add = (id: string, limits: Readonly<Record<string, unknown>>): void => {
        tokens.set(id, newToken(id))
        config.callers.push(callerEntry(id, tokens.get(id)!, groups, limits))
      }
      for (const id of ["unread", "read", "either", "newer", "stream", "ours"])
        add(id, { quota: { day: { tokens: QUOTA } } })
      for (const dialect of DIALECTS) add(`${dialect}-wide`, { quota: { day: { tokens: 10_000_000 } } })
      add("tight", { quota: { day: { tokens: 600 } } })
      add("free", { metrics_admin: true })
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([older.stop(), newer.stop(), deaf.stop()])
})

function ask(dialect: Dialect, who: string, model: string, extra: object, isStream = false): Promise<Answer> {
  const body = SAMPLES[dialect].request({ model, stream: isStream, extra: extra as Record<string, unknown> })
  return gateway.call(dialect, body, { token: tokens.get(who)! })
}

async function used(who: string): Promise<number> {
  const { text } = await get(gateway, "/v1/usage", { token: tokens.get(who)! })
  return Number(at(JSON.parse(text), "limits", 0, "used"))
}

function rowOf({ requestId }: Answer): Promise<UsageRow> {
  return eventually("the row", () => gateway.records.usage(requestId)[0])
}

const many = (who: string, model: string, extra: object): Promise<Answer[]> =>
  Promise.all(Array.from({ length: 12 }, () => ask("chat", who, model, extra)))

describe("unary calls at once", () => {
  test("a cap in a field that the server does not read holds nothing back, so the quota holds", async () => {
    const answers = await many("unread", "older", { max_completion_tokens: 400 })
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0)
    expect(await used("unread")).toBeLessThanOrEqual(QUOTA)
    for (const { status, text } of answers) if (status !== 200) expect(text).toContain("quota-exhausted")
  })

  test("a cap in the field that the server reads is believed", async () => {
    const answers = await many("read", "older", { max_tokens: 400 })
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(await used("read")).toBe(12 * 411)
  })

  test("and which field that is can be said", async () => {
    const answers = await many("newer", "newer", { max_completion_tokens: 400 })
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(await used("newer")).toBe(12 * 411)
  })

  test("every target that may serve the call must read it", async () => {
    const answers = await many("either", "both", { max_completion_tokens: 400 })
    expect(answers.some(({ status }) => status === 429)).toBe(true)
    expect(await used("either")).toBeLessThanOrEqual(QUOTA)
  })

  test("of what is left the client's own cap is sent, in the field that the server reads", async () => {
    const answer = await ask("chat", "ours", "older", { max_completion_tokens: 300 })
    expect(answer.status).toBe(200)
    const sent = JSON.parse(bodyText(older.exchanges.at(-1)!.request)) as Record<string, unknown>
    expect([sent["max_tokens"], sent["max_completion_tokens"]]).toEqual([300, 300])
    expect(await used("ours")).toBe(311)
  })
})

test("a stream with a cap that is not read grows as if it had none", async () => {
  const marks = await ask("chat", "stream", "older", { max_completion_tokens: 1 }, true)
  expect(marks.text).toContain("[DONE]")
  const tight = await ask("chat", "tight", "older", { max_completion_tokens: 1 }, true)
  expect(tight.text).toContain("quota-exhausted")
  const row = await rowOf(tight)
  expect(row).toMatchObject({ status: 429, error: "quota-exhausted" })
  expect(row.total_tokens).toBeLessThanOrEqual(600)
})

const CAPS = { chat: "max_tokens", responses: "max_output_tokens", messages: "max_tokens" } as const

describe.each(drawn(DIALECTS))("%s", (dialect) => {
  test("a stream that goes far beyond its cap is cut, billed as far as it came, and the row says why", async () => {
    const body = SAMPLES[dialect].request({ model: "deaf", stream: true, extra: { [CAPS[dialect]]: 500 } })
    const answer = await readAnswer(await gateway.open(dialect, body, { token: tokens.get(`${dialect}-wide`)! }))
    expect(answer.broken).toBe(false)
    expect(answer.text).toContain("output-cap-ignored")
    expect(answer.text.split(/tick|tock/u).length).toBeLessThan(1.5 * 500 + 64 + AT_ONCE)
    const row = await rowOf(answer)
    expect(row).toMatchObject({ status: 502, error: "output-cap-ignored" })
    expect(row.output_tokens).toBeGreaterThan(1.5 * 500)
    expect(row.output_tokens).toBeLessThan(1.5 * 500 + 64 + AT_ONCE)
    expect(await used(`${dialect}-wide`)).toBe(row.total_tokens!)
  })

  test("an answer that is about as long as its cap is whole", async () => {
    const frames = SAMPLES[dialect].frames(WORDS.slice(0, 500))
    deaf.plan(`whole-${dialect}`, stream(frames))
    const request = { model: "deaf", stream: true, text: `whole-${dialect}`, extra: { [CAPS[dialect]]: 450 } }
    const body = SAMPLES[dialect].request(request)
    const answer = await readAnswer(await gateway.open(dialect, body, { token: tokens.get(`${dialect}-wide`)! }))
    expect(answer.text).toBe(frames.join(""))
  })

  test("callers without limits get all that comes", async () => {
    const answer = await ask(dialect, "free", "deaf", { [CAPS[dialect]]: 10 }, true)
    expect(answer.text.split(/tick|tock/u).length).toBeGreaterThan(MUCH)
  })

  test("a unary answer beyond its cap is booked in full and counted", async () => {
    const exceeded = async (): Promise<number> => {
      const { text } = await get(gateway, "/metrics", { token: tokens.get("free")! })
      return readExposition(text).sum("smart_router_output_cap_exceeded_total")
    }
    const [before, usedBefore] = [await exceeded(), await used(`${dialect}-wide`)]
    const answer = await ask(dialect, `${dialect}-wide`, "deaf", { [CAPS[dialect]]: 100 })
    expect(answer.status).toBe(200)
    expect((await rowOf(answer)).output_tokens).toBe(MUCH)
    expect(await used(`${dialect}-wide`)).toBe(usedBefore + MUCH + 11)
    expect(await exceeded()).toBe(before + 1)
  })
})
