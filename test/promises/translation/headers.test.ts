/** What a client says to its own vendor in headers is not told to another. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { FakeUpstream, headerOf } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { FOREIGN_PAIRS, groupOf, translating } from "../../helpers/translating.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({ upstreams: { upstream }, configure: (config) => translating(config, ["upstream"]) })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const VENDORS = {
  "openai-beta": "assistants=v2",
  "x-openai-internal-codex-responses-lite": "true",
  "x-codex-turn-state": "sticky-1",
  "anthropic-version": "2026-10-21",
  "anthropic-beta": "effort-2025-11-24",
}

test.each(drawn(FOREIGN_PAIRS, 2).map((pair) => [...pair] as const))(
  "headers of vendors do not cross from a %s client to a %s upstream",
  async (client, target) => {
    const marker = `headers <${client} ${target}>`
    upstream.plan(marker, reply(SAMPLES[target].unary(), { headers: { "x-codex-turn-state": "sticky-2" } }))
    const answer = await gateway.call(
      client,
      SAMPLES[client].request({ model: groupOf("upstream", target), text: marker }),
      {
        headers: { ...VENDORS, "idempotency-key": "once-1" },
        path: `${SAMPLES[client].path}?beta=true`,
      },
    )
    expect(answer.status).toBe(200)
    expect(answer.headers.get("content-type")).toBe("application/json")
    expect(answer.headers.get("x-codex-turn-state")).toBeNull()
    const { request } = upstream.received(marker)[0]!
    expect(request.target).toBe(SAMPLES[target].path)
    for (const name of Object.keys(VENDORS))
      expect([name, headerOf(request, name)]).toEqual([
        name,
        name === "anthropic-version" && target === "messages" ? "2023-06-01" : undefined,
      ])
    expect(headerOf(request, "idempotency-key")).toEndWith("-once-1")
    expect(headerOf(request, "content-type")).toBe("application/json")
  },
)
