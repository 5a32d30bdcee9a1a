/** Calls that point at state of one vendor go to a target of its dialect, or are refused by the name of what they point with. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { targetsOf } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { handOut } from "../../helpers/stored-ids.ts"
import { at } from "../../helpers/streams.ts"
import { allowAll, groupOf, translating } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

let upstream: FakeUpstream
let native: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  native = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream, native },
    configure: (config) => {
      translating(config, ["upstream"])
      for (const dialect of DIALECTS) {
        const foreign = targetsOf(["upstream"]).filter(({ provider }) => provider !== `upstream-${dialect}`)
        const own = targetsOf(["native"]).filter(({ provider }) => provider === `native-${dialect}`)
        config.models[`own-last-${dialect}`] = { strategy: "static", targets: [...foreign, ...own] }
      }
      allowAll(config)
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([upstream.stop(), native.stop()])
})

const IDS = [
  ["response", "resp_1"],
  ["conversation", "conv_1"],
  ["thread", "thread_1"],
] as const

const CASES: readonly (readonly [client: Dialect, param: string, extra: Readonly<Record<string, unknown>>])[] = [
  ["responses", "previous_response_id", { previous_response_id: "resp_1" }],
  ["responses", "conversation", { conversation: "conv_1" }],
  ["responses", "background", { background: true }],
  ["messages", "thread", { thread: { id: "thread_1" } }],
]

test.each(CASES.map((row) => [...row] as const))("%s: %s", async (client, param, extra) => {
  for (const target of DIALECTS) {
    if (target === client) continue
    const marker = `stateful <${param} ${target}>`
    const answer = await gateway.call(
      client,
      SAMPLES[client].request({ model: groupOf("upstream", target), text: marker, extra }),
    )
    expectError(answer, client, 400, "stateful-unsupported")
    expect(at(parsed(answer), "error", "param")).toBe(param)
    expect(upstream.received(marker)).toEqual([])
    if (param === "thread")
      expect(at(parsed(answer), "error", "details")).toEqual({
        error_code: "thread_unsupported_request",
        unsupported: ["thread"],
      })
  }
  const marker = `stateful <${param} at home>`
  const dialect = SAMPLES[client].configName
  for (const [kind, id] of IDS) handOut(gateway.directory, { kind, id, provider: `native-${client}`, dialect })
  const answer = await gateway.call(
    client,
    SAMPLES[client].request({ model: `own-last-${client}`, text: marker, extra }),
  )
  expect(answer.status).toBe(200)
  expect(upstream.received(marker)).toEqual([])
  expect(native.received(marker)).toHaveLength(1)
})

test("an explicit wish to store is a loss, silence is none", async () => {
  for (const [store, losses] of [
    [true, "store"],
    [false, null],
  ] as const) {
    const body = SAMPLES.responses.request({ model: groupOf("upstream", "chat"), extra: { store } })
    expect((await gateway.call("responses", body)).headers.get("x-router-losses")).toBe(losses)
  }
})
