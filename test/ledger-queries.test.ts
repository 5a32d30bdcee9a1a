/** The ready queries of docs/ledger.md run on both databases as they stand, and tell what happened. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { READY_QUERIES } from "../scripts/ledger-queries.ts"
import { reply } from "./helpers/behaviours.ts"
import { eventually } from "./helpers/client.ts"
import { targetsOf } from "./helpers/config.ts"
import { FakeUpstream } from "./helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "./helpers/gateway.ts"
import { onEachDriver, type LedgerState } from "./helpers/ledger-drivers.ts"
import { SAMPLES } from "./helpers/samples.ts"
import { EVERYTHING } from "./helpers/translating.ts"
import { vendorAnswer } from "./helpers/vendor.ts"

/** By the number of the query: what its first row says of the calls below. */
const FIRST_ROWS: readonly object[] = [
  { caller_project: "lab", resolved_group: "default" },
  { team: "search" },
  { caller_project: "lab", calls: 1, end_user: expect.stringMatching(/^[\w-]{22}$/) },
  { cost_unknown_reason: "price", target_provider: "spare-chat" },
  { code: "upstream-failed", target_provider: "upstream-chat" },
  { provider: "spare-chat", percent: 100 },
  { from_provider: "upstream-chat", to_provider: "spare-chat", served: 1 },
  { caller_id: "me-lab" },
  { client_dialect: "openai-chat", target_dialect: "anthropic", code: expect.any(String) },
  { event_type: "credential", reason_code: "unauthorized", times: 2, ip_address: "127.0.0.1" },
]

test("there are ten", () => {
  expect(READY_QUERIES).toHaveLength(10)
  expect(FIRST_ROWS).toHaveLength(READY_QUERIES.length)
})

onEachDriver((driver) => {
  let upstream: FakeUpstream
  let spare: FakeUpstream
  let state: LedgerState
  let gateway: Gateway

  beforeAll(async () => {
    upstream = await FakeUpstream.start()
    spare = (await FakeUpstream.start()).otherwise(vendorAnswer())
    state = await driver.state()
    gateway = await startGateway({
      upstreams: { upstream, spare },
      configure: (config) => {
        config.server["usage_db"] = state.usageDb
        const messages = config.providers["upstream-messages"]?.["models"] as { readonly m1: object } | undefined
        Object.assign(messages?.m1 ?? {}, EVERYTHING)
        const unpriced = { model: "free-form" }
        Object.assign(config.providers["spare-chat"] ?? {}, { models: { m1: unpriced } })
        const [chat, , translated] = targetsOf(["upstream"])
        const [second] = targetsOf(["spare"])
        config.models["default"] = { strategy: "static", targets: [chat] }
        config.models["two"] = { strategy: "failover", targets: [chat, second] }
        config.models["translated"] = { strategy: "static", targets: [translated], translation: "warn" }
        config.callers = config.callers.map((one) => ({
          ...one,
          allow: Object.keys(config.models),
          tags: { team: "search" },
        }))
      },
    })
    await eventually("the tag is written", async () =>
      (await state.rows("SELECT * FROM caller_tags")).length > 0 ? true : undefined,
    )
    const ask = async (body: object, token = gateway.token): Promise<void> => {
      const text = JSON.stringify({ ...(JSON.parse(SAMPLES.chat.request({ text: "hi" })) as object), ...body })
      await gateway.call("chat", text, { token })
    }
    upstream.otherwise(vendorAnswer())
    await ask({ user: "ann" })
    await ask({})
    await ask({ model: "translated", seed: 3, max_tokens: 9 })
    upstream.otherwise(reply("{}", { status: 503 }))
    await ask({})
    await ask({ model: "two" })
    for (let time = 0; time < 2; time++) await ask({}, "rtr_nobody")
    await eventually("the refusals are written", async () => {
      const [row] = await state.rows<{ n: number | null }>("SELECT sum(count) AS n FROM security_access_events")
      return row?.n === 2 ? true : undefined
    })
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await state[Symbol.asyncDispose]()
    await Promise.all([upstream.stop(), spare.stop()])
  })

  test.each(READY_QUERIES.map(({ title, sql }, index) => [title, sql, FIRST_ROWS[index]] as const))(
    "%s",
    async (_, sql, first) => {
      const rows = await state.rows<object>(sql.replaceAll(":since", "1"))
      expect(rows[0]).toMatchObject(first ?? {})
      expect(await state.rows(sql.replaceAll(":since", "4102444800000"))).toEqual([])
    },
  )
})
