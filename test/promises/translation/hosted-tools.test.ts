/** Tools that the provider executes: passed, stripped or refused, as the group says. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { ALL_PAIRS, allowAll, groupOf, translating } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const RULES = ["pass", "strip", "refuse"] as const

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      translating(config, ["upstream"])
      for (const dialect of DIALECTS) {
        const group = config.models[groupOf("upstream", dialect)]
        for (const rule of RULES) config.models[`${rule}-${dialect}`] = { ...group, hosted_tools: rule }
      }
      allowAll(config)
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const SCHEMA = { type: "object", properties: {} }
const OWN: Readonly<Record<Dialect, unknown>> = {
  chat: { type: "function", function: { name: "look", parameters: SCHEMA } },
  responses: { type: "function", name: "look", parameters: SCHEMA, strict: false },
  messages: { name: "look", input_schema: SCHEMA },
}
const HOSTED: Readonly<Record<Dialect, Readonly<Record<string, unknown>>>> = {
  chat: { type: "web_search_preview" },
  responses: { type: "web_search", search_context_size: "low" },
  messages: { type: "web_search_20250305", name: "web_search", max_uses: 3 },
}

function bodyOf(client: Dialect, model: string, marker: string, tools: readonly unknown[]): string {
  return SAMPLES[client].request({ model, text: marker, extra: { tools } })
}

async function sentFor(marker: string): Promise<unknown> {
  return JSON.parse(bodyText((await upstream.arrival(marker)).request)) as unknown
}

for (const [client, target] of drawn(ALL_PAIRS, 3)) {
  const isHome = client === target

  test(`${client} client, ${target} upstream: pass`, async () => {
    const marker = `passed <${client} ${target}>`
    const answer = await gateway.call(client, bodyOf(client, `pass-${target}`, marker, [HOSTED[client], OWN[client]]))
    expect(answer.status).toBe(200)
    expect(answer.headers.get("x-router-losses")).toBe(isHome ? null : "tool-hosted")
    const tools = at(await sentFor(marker), "tools") as readonly unknown[]
    if (isHome) expect(tools).toEqual([HOSTED[client], OWN[client]])
    else expect(tools).toHaveLength(1)
  })

  test(`${client} client, ${target} upstream: strip takes them out`, async () => {
    const marker = `stripped <${client} ${target}>`
    const tools = [HOSTED[client], OWN[client]]
    const answer = await gateway.call(client, bodyOf(client, `strip-${target}`, marker, tools))
    expect(answer.status).toBe(200)
    const sent = await sentFor(marker)
    expect(at(sent, "tools") as readonly unknown[]).toHaveLength(1)
    expect(JSON.stringify(sent)).not.toContain("web_search")
    if (isHome)
      expect(sent).toEqual({ ...(JSON.parse(bodyOf(client, "vendor/model-1", marker, [OWN[client]])) as object) })
  })

  test(`${client} client, ${target} upstream: strip leaves no empty list behind`, async () => {
    const marker = `emptied <${client} ${target}>`
    const answer = await gateway.call(client, bodyOf(client, `strip-${target}`, marker, [HOSTED[client]]))
    expect(answer.status).toBe(200)
    expect(at(await sentFor(marker), "tools")).toBeUndefined()
  })

  test(`${client} client, ${target} upstream: refuse`, async () => {
    const marker = `forbidden <${client} ${target}>`
    const answer = await gateway.call(client, bodyOf(client, `refuse-${target}`, marker, [HOSTED[client]]))
    expectError(answer, client, 400, "provider-hosted-tools-forbidden")
    expect(at(parsed(answer), "error", "details", "tools")).toEqual([HOSTED[client]["type"]])
    expect(upstream.received(marker)).toEqual([])
    const own = await gateway.call(client, bodyOf(client, `refuse-${target}`, `${marker} own`, [OWN[client]]))
    expect(own.status).toBe(200)
  })
}

test("strip: what else stands in the body keeps its bytes", async () => {
  const marker = "kept bytes"
  const messages = `[ {"role":"user", "content":"${marker} \\u00e9"} ]`
  const body = `{"model":"strip-chat","seed":12345678901234567890,"messages":${messages},"web_search_options":{},"tools":[]}`
  expect((await gateway.call("chat", body)).status).toBe(200)
  const text = bodyText((await upstream.arrival(marker)).request)
  expect(text).toBe(`{"model":"vendor/model-1","seed":12345678901234567890,"messages":${messages}}`)
})
