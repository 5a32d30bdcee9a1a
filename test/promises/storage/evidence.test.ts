/** What reports need of a call stands in its rows, on both databases: shapes, translations, failures, fingerprints, users, tags. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { eventually } from "../../helpers/client.ts"
import { callerEntry, newToken, targetsOf } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { onEachDriver, type LedgerState } from "../../helpers/ledger-drivers.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { EVERYTHING } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const REFUSAL = JSON.stringify({
  error: {
    message: "a sentence with the prompt in it",
    type: "invalid_request_error",
    code: "unknown_parameter",
    param: "tools[0].name",
  },
})
const DOWN = JSON.stringify({ error: { message: "a sentence", type: "server_error", code: "engine_overloaded" } })
const tagged = newToken("tagged")
const limited = newToken("limited")

onEachDriver((driver) => {
  let upstream: FakeUpstream
  let spare: FakeUpstream
  let state: LedgerState
  let gateway: LocalGateway

  beforeAll(async () => {
    upstream = await FakeUpstream.start()
    spare = await FakeUpstream.start()
    state = await driver.state()
    gateway = await startGateway({
      upstreams: { upstream, spare },
      configure: (config) => {
        config.server["usage_db"] = state.usageDb
        config.server["breaker"] = { failures: 5 }
        const models = config.providers["upstream-messages"]?.["models"] as { readonly m1: object } | undefined
        Object.assign(models?.m1 ?? {}, EVERYTHING)
        const [chat, , messages] = targetsOf(["upstream"])
        const [second] = targetsOf(["spare"])
        config.models["default"] = { strategy: "static", targets: [chat] }
        config.models["two"] = { strategy: "failover", targets: [chat, second] }
        config.models["translated"] = { strategy: "static", targets: [messages], translation: "warn" }
        config.callers = config.callers.map((caller) => ({ ...caller, allow: Object.keys(config.models) }))
        config.callers.push(
          callerEntry("tagged", tagged, ["default"], { tags: { team: "search", cost_centre: "4711" } }),
          callerEntry("limited", limited, ["default"], {
            quota: { day: { tokens: 1_000_000 } },
            spend: { day_usd: 100 },
          }),
        )
      },
    })
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
    await state[Symbol.asyncDispose]()
    await Promise.all([upstream.stop(), spare.stop()])
  })

  const of = async (table: string, id: string): Promise<readonly Record<string, unknown>[]> =>
    await state.rows(`SELECT * FROM ${table} WHERE request_id = '${id}' ORDER BY 1, 2`)
  const ask = async (body: object, token?: string) => {
    const text = JSON.stringify({ ...(JSON.parse(SAMPLES.chat.request({ text: "hi" })) as object), ...body })
    return await gateway.call("chat", text, token === undefined ? {} : { token })
  }

  test("each call leaves the shape of its request, without any text of it", async () => {
    upstream.otherwise(vendorAnswer())
    const tools = [{ type: "function", function: { name: "zebra", parameters: { type: "object" } } }]
    const answer = await ask({ tools, store: false, parallel_tool_calls: true, metadata: { a: "zebra" } })
    const rows = await of("request_decision_shape_features", answer.requestId)
    expect(rows).toMatchObject([
      {
        dialect: "openai-chat",
        tool_count: 1,
        sets_store: 1,
        sets_metadata: 1,
        sets_parallel_tool_calls: 1,
        sets_truncation: 0,
      },
    ])
    expect(JSON.stringify(rows)).not.toContain("zebra")
    expect(await of("request_translation_shapes", answer.requestId)).toEqual([])
  })

  test("a translated attempt says what it asked for", async () => {
    upstream.otherwise(vendorAnswer())
    const tools = [{ type: "function", function: { name: "look", parameters: { type: "object" } } }]
    const { requestId, status } = await ask({ model: "translated", tools, max_tokens: 77, seed: 3, stream: false })
    expect(status).toBe(200)
    const [row] = await of("request_translation_shapes", requestId)
    expect(row).toMatchObject({
      attempt_index: 0,
      client_dialect: "openai-chat",
      stream: 0,
      message_count: 1,
      tool_count: 1,
      output_cap_field: "max_tokens",
      output_cap_tokens: 77,
      structured_output: 0,
    })
    expect(row?.["losses"]).toBe((await of("request_losses", requestId)).length)
    expect(Number(row?.["request_losses"])).toBeGreaterThan(0)
  })

  test("a failed call names the target that was tried last, and each attempt what its upstream said in plain words", async () => {
    upstream.otherwise(reply(DOWN, { status: 503 }))
    spare.otherwise(reply(REFUSAL, { status: 400 }))
    const { requestId, status } = await ask({ model: "two" })
    expect(status).toBe(400)
    const attempts = await of("request_attempts", requestId)
    expect(attempts).toMatchObject([
      { upstream_error_code: "engine_overloaded", upstream_error_type: "server_error", upstream_error_field: null },
      { upstream_error_code: "unknown_parameter", upstream_error_type: "invalid_request_error" },
    ])
    expect(JSON.stringify(attempts)).not.toContain("sentence")
    const last = attempts[1]
    const [usage] = await of("request_usage", requestId)
    expect(usage).toMatchObject({
      target_provider: last?.["provider"],
      target_model: last?.["model"],
      target_dialect: "openai-chat",
    })
    expect(usage).toMatchObject({ total_cost_nano_usd: null, cost_unknown_reason: null, usage_source: "none" })
    expect(await of("request_errors", requestId)).toMatchObject([
      {
        status: 400,
        attempts: 2,
        retryable: 0,
        provider: last?.["provider"],
        model: last?.["model"],
        dialect: "openai-chat",
      },
    ])
  })

  test("a call of which no target was tried names none", async () => {
    const { requestId, status } = await ask({ model: "nowhere" })
    expect(status).toBe(403)
    expect(await of("request_usage", requestId)).toMatchObject([
      { attempts: 0, target_provider: null, target_model: null, model_group_config_fingerprint: null },
    ])
    expect(await of("request_errors", requestId)).toMatchObject([{ attempts: 0, provider: null, retryable: 0 }])
  })

  test("decisions about a target say what its attempt had come to", async () => {
    upstream.otherwise(reply(DOWN, { status: 503 }))
    spare.otherwise(vendorAnswer())
    let opened: readonly Record<string, unknown>[] = []
    for (let time = 0; time < 30 && opened.length === 0; time++) {
      await ask({ model: "two" })
      opened = await state.rows("SELECT * FROM request_trace_events WHERE event = 'breaker_opened' ORDER BY request_id")
    }
    expect(opened[0]).toMatchObject({ dialect: "openai-chat", attempt_index: 0, status_code: 503 })
    expect(Number(opened[0]?.["duration_ms"])).toBeGreaterThanOrEqual(0)
  })

  test("fingerprints differ by group, and by policy only where the strategy does", async () => {
    upstream.otherwise(vendorAnswer())
    spare.otherwise(vendorAnswer())
    const rows: Record<string, unknown>[] = []
    for (const model of ["default", "two", "translated"]) {
      const { requestId } = await ask({ model })
      rows.push(...(await of("request_usage", requestId)))
    }
    expect(new Set(rows.map((row) => row["model_group_config_fingerprint"])).size).toBe(3)
    expect(new Set(rows.map((row) => row["routing_policy_fingerprint"])).size).toBe(2)
    for (const row of rows) expect(row["model_group_config_fingerprint"]).toMatch(/^[0-9a-f]{64}$/)
  })

  test("whom the client serves is a hash: the same for the same name, another for another", async () => {
    upstream.otherwise(vendorAnswer())
    const users: unknown[] = []
    for (const body of [{ user: "ann@example.com" }, { safety_identifier: "ann@example.com" }, { user: "bob" }, {}]) {
      const { requestId } = await ask(body)
      users.push((await of("request_usage", requestId))[0]?.["end_user"])
    }
    expect(users[0]).toMatch(/^[\w-]{22}$/)
    expect(users[1]).toBe(users[0])
    expect(users[2]).not.toBe(users[0])
    expect(users[3]).toBeNull()
  })

  test("what limits held for a call stands beside what it used", async () => {
    upstream.otherwise(vendorAnswer())
    const [usage] = await of("request_usage", (await ask({ max_tokens: 50 }, limited)).requestId)
    expect(usage).toMatchObject({ reserved_output_tokens: 50, target_provider: expect.any(String) })
    expect(Number(usage?.["reserved_nano_usd"])).toBeGreaterThan(0)
    expect(Number(usage?.["estimated_input_tokens"])).toBeGreaterThan(0)
  })

  test("tags of callers are reached by a join, with the time in which they held", async () => {
    upstream.otherwise(vendorAnswer())
    const { requestId } = await ask({}, tagged)
    const byTag = async (name: string): Promise<readonly { value: string }[]> =>
      await state.rows(`SELECT tags.value FROM request_usage AS calls JOIN caller_tags AS tags
        ON tags.caller_id = calls.caller_id AND tags.since <= calls.ts AND (tags.until IS NULL OR tags.until > calls.ts)
        WHERE calls.request_id = '${requestId}' AND tags.name = '${name}'`)
    await eventually("tags are written", async () =>
      (await state.rows("SELECT * FROM caller_tags")).length === 2 ? true : undefined,
    )
    const later = (await ask({}, tagged)).requestId
    gateway.prepared.rewrite((config) => {
      config.callers = config.callers.map((one) => (one["id"] === "tagged" ? { ...one, tags: { team: "ads" } } : one))
    })
    gateway.requestReload()
    const current = "SELECT name, value FROM caller_tags WHERE until IS NULL"
    await eventually("tags are changed", async () => {
      const rows = await state.rows<{ value: string }>(current)
      return rows.length === 1 && rows[0]?.value === "ads" ? true : undefined
    })
    expect(await state.rows(`${current.replace("until IS NULL", "until IS NOT NULL")} ORDER BY name`)).toEqual([
      { name: "cost_centre", value: "4711" },
      { name: "team", value: "search" },
    ])
    expect(later > requestId).toBe(true)
    expect((await byTag("team")).length).toBeLessThanOrEqual(1)
    const [laterTag] = await state.rows<{ value: string }>(`SELECT tags.value FROM request_usage AS calls
      JOIN caller_tags AS tags ON tags.caller_id = calls.caller_id AND tags.since <= calls.ts AND tags.until > calls.ts
      WHERE calls.request_id = '${later}' AND tags.name = 'team'`)
    expect(laterTag).toEqual({ value: "search" })
  })
})
