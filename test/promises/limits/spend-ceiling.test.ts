/** `spend_ceiling`: no target gets a call that would cost more there than group and caller allow, or whose tier they do not. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const MODELS = {
  // 1,000 output tokens: 0.1 USD, 0.01 USD, and nobody knows
  dear: { model: "dear", tier: "frontier", input_price_per_million_usd: 0, output_price_per_million_usd: 100 },
  fair: { model: "fair", tier: "cheap", input_price_per_million_usd: 0, output_price_per_million_usd: 10 },
  unknown: { model: "unknown", tier: "own-label" },
  pictures: {
    model: "pictures",
    input_price_per_million_usd: 0,
    output_price_per_million_usd: 0,
    image_input_price_per_image_usd: 1,
  },
  // a thousand tokens are a dollar; a context of 200,000
  steep: {
    model: "steep",
    context_tokens: 200_000,
    max_output_tokens: 8000,
    input_price_per_million_usd: 1000,
    output_price_per_million_usd: 1000,
    service_tier_multipliers: { priority: 10, flex: 0.5 },
  },
} as const
type Model = keyof typeof MODELS

/** By group: its ceiling. */
const CEILINGS = {
  free: undefined,
  "ten-cents": { max_estimated_cost_usd: 0.1 },
  "one-cent": { max_estimated_cost_usd: 0.01 },
  nothing: { max_estimated_cost_usd: 0.000_001 },
  "no-limit": { max_estimated_cost_usd: 0 },
  balanced: { max_tier: "balanced" },
  labelled: { allowed_tiers: ["own-label"] },
  both: { allowed_tiers: ["frontier", "cheap"], max_tier: "heavy" },
  "by-tier": { tier_ceilings: { frontier: 0.05 } },
} as const
type Group = keyof typeof CEILINGS

const frugal = newToken("frugal")
let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      for (const provider of Object.values(config.providers)) provider["models"] = MODELS
      config.models = {}
      for (const [name, ceiling] of Object.entries(CEILINGS))
        for (const dialect of DIALECTS) {
          const targets = ["dear", "fair", "unknown"].map((ref) => ({
            provider: `upstream-${dialect}`,
            model_ref: ref,
          }))
          const said = ceiling === undefined ? {} : { spend_ceiling: ceiling }
          config.models[`${name}-${dialect}`] = { strategy: "failover", targets, ...said }
        }
      const pictures = [{ provider: "upstream-chat", model_ref: "pictures" }]
      config.models["pictures"] = {
        strategy: "static",
        targets: pictures,
        spend_ceiling: { max_estimated_cost_usd: 1.5 },
      }
      config.models["one-dollar"] = {
        strategy: "static",
        targets: DIALECTS.map((dialect) => ({ provider: `upstream-${dialect}`, model_ref: "steep" })),
        spend_ceiling: { max_estimated_cost_usd: 1 },
      }
      config.models["one-dollar-stripped"] = { ...config.models["one-dollar"], hosted_tools: "strip" }
      const allow = Object.keys(config.models)
      config.callers[0] = { ...config.callers[0], allow }
      config.callers.push(callerEntry("frugal", frugal, allow, { spend_ceiling: { max_estimated_cost_usd: 0.01 } }))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const CAPS = { chat: "max_tokens", responses: "max_output_tokens", messages: "max_tokens" } as const

/** Who serves a call with this output cap; else what stands against each target. */
async function outcome(dialect: Dialect, model: string, cap: number, token?: string): Promise<unknown> {
  const body = SAMPLES[dialect].request({ model, extra: { [CAPS[dialect]]: cap } })
  const answer = await gateway.call(dialect, body, token === undefined ? {} : { token })
  const [row] = gateway.records.usage(answer.requestId)
  if (answer.status === 200) return row?.target_model
  expectError(answer, dialect, 400, "no-eligible-target")
  expect(row).toMatchObject({ status: 400, attempts: 0 })
  const rejected = at(parsed(answer), "error", "details", "rejected") as readonly { target: number; reason: string }[]
  return rejected.map(({ reason }) => reason)
}

const COST = "spend-ceiling-cost"
const TIER = "spend-ceiling-tier"
const CASES: readonly (readonly [Group, number, Model | readonly string[], "frugal"?])[] = [
  ["free", 100_000, "dear"],
  ["ten-cents", 1000, "dear"],
  ["ten-cents", 1001, "fair"],
  ["ten-cents", 10_001, [COST, COST, "unpriced"]],
  ["one-cent", 1000, "fair"],
  ["nothing", 1000, [COST, COST, "unpriced"]],
  ["no-limit", 100_000, "dear"],
  ["balanced", 1000, "fair"],
  ["labelled", 1000, "unknown"],
  ["both", 1, "fair"],
  ["by-tier", 500, "dear"],
  ["by-tier", 501, "fair"],
  // the stricter of both
  ["free", 1000, "fair", "frugal"],
  ["free", 1001, [COST, COST, "unpriced"], "frugal"],
  ["ten-cents", 1000, "fair", "frugal"],
  ["balanced", 1001, [TIER, COST, TIER], "frugal"],
  ["labelled", 1, [TIER, TIER, "unpriced"], "frugal"],
]

for (const dialect of drawn(DIALECTS)) {
  for (const [group, cap, expected, who] of CASES)
    test(`${dialect}: ${group}, ${cap} tokens, ${who ?? "anybody"}: ${String(expected)}`, async () => {
      const token = who === undefined ? undefined : frugal
      expect(await outcome(dialect, `${group}-${dialect}`, cap, token)).toEqual(expected)
    })
}

test("each choice and each image counts; a call without a cap counts as what is reserved for it", async () => {
  const call = async (model: string, extra: object): Promise<number> =>
    (await gateway.call("chat", SAMPLES.chat.request({ model, extra: { ...extra } }))).status
  expect(await call("by-tier-chat", { n: 2, max_tokens: 250 })).toBe(200)
  expect(await call("nothing-chat", { n: 1 })).toBe(400)
  expect(await call("one-cent-chat", { n: 2, max_tokens: 501 })).toBe(400)
  expect(await call("one-cent-chat", { n: 2, max_tokens: 500 })).toBe(200)
  const image = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }
  const pictures = (count: number) => ({
    messages: [{ role: "user", content: Array.from({ length: count }, () => image) }],
  })
  expect(await call("pictures", pictures(1))).toBe(200)
  expect(await call("pictures", pictures(2))).toBe(400)
})

/** What a body adds, with a cap of 100 tokens, and whether a ceiling of 1 USD lets it through. */
const user = (...content: unknown[]): object => ({ messages: [{ role: "user", content }] })
const input = (...content: unknown[]): object => ({ input: [{ role: "user", content }] })
const pdf = (bytes: number): object => ({
  type: "document",
  source: { type: "base64", media_type: "application/pdf", data: `JVBERi0xLjcK${"A".repeat(bytes)}` },
})
const png = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } }
const search = { tools: [{ type: "web_search" }] }
const DEAR: readonly (readonly [string, Dialect, object, 200 | 400, string?])[] = [
  ["a small call", "chat", {}, 200],
  ["a small call", "responses", {}, 200],
  ["a small call", "messages", {}, 200],
  ["a cap of 0, which servers take for none", "chat", { max_tokens: 0 }, 400],
  ["the same", "responses", { max_output_tokens: 0 }, 400],
  ["a cap of 0, which fills the cache", "messages", { max_tokens: 0 }, 200],
  ["a document in base64", "messages", user(pdf(10_000_000)), 400],
  ["a page of one", "messages", user(pdf(20_000)), 200],
  ["an image", "chat", user(png), 400],
  ["text of 2,400 bytes", "chat", { messages: [{ role: "user", content: "a".repeat(2400) }] }, 200],
  ["text of 2,800 bytes", "chat", { messages: [{ role: "user", content: "a".repeat(2800) }] }, 400],
  ["the dearest service tier", "chat", { service_tier: "priority" }, 400],
  ["any service tier, since the provider says which it was", "responses", { service_tier: "auto" }, 400],
  ["a file at an address", "responses", input({ type: "input_file", file_url: "https://x.example/a.pdf" }), 400],
  ["a prompt that is kept elsewhere", "responses", { prompt: { id: "pmpt_1" } }, 400],
  ["an earlier answer", "responses", { previous_response_id: "resp_1" }, 400],
  ["the same, but none", "responses", { previous_response_id: null }, 200],
  ["a hosted tool", "responses", search, 400],
  ["the same, where the group takes it out", "responses", search, 200, "one-dollar-stripped"],
]

test.each(DEAR.map((row) => [...row] as const))("%s (%s)", async (_, dialect, extra, status, model = "one-dollar") => {
  const body = SAMPLES[dialect].request({ model, extra: { [CAPS[dialect]]: 100, ...extra } })
  const answer = await gateway.call(dialect, body)
  expect(answer.status).toBe(status)
  if (status === 400) {
    expectError(answer, dialect, 400, "no-eligible-target")
    const rejected = at(parsed(answer), "error", "details", "rejected") as readonly { reason: string }[]
    expect(rejected.map(({ reason }) => reason)).toContain(COST)
  }
})

test("what was left out is in the trace, and the call is served by the next", async () => {
  const body = SAMPLES.chat.request({ model: "ten-cents-chat", extra: { max_tokens: 2000 } })
  const { requestId } = await gateway.call("chat", body)
  const reasons = gateway.records.trace(requestId).filter(({ event }) => event === "target_rejected")
  expect(reasons.map(({ target_model, reason }) => [target_model, reason])).toEqual([
    ["dear", COST],
    ["unknown", "unpriced"],
  ])
})
