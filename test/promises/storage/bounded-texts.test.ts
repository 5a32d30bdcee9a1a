/**
 * Every text that a row, a line of the request log or a label of a metric holds has a length and an alphabet, whatever
 * clients and upstreams say. A new column needs an entry here that says where its bound comes from.
 */
import { Database } from "bun:sqlite"
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import path from "node:path"
import { loadConfig } from "../../../src/config/load.ts"
import { storedKind } from "../../../src/ledger/column.ts"
import { TABLES } from "../../../src/ledger/tables.ts"
import { jsonLog } from "../../../src/system/log.ts"
import { systemClock } from "../../../src/system/clock.ts"
import { reply, stream } from "../../helpers/behaviours.ts"
import { get } from "../../helpers/client.ts"
import { callerEntry, newToken, prepare, type Config } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { databasePath } from "../../helpers/records.ts"
import { ALL_SAMPLES, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { ALL_PAIRS, groupOf, translating } from "../../helpers/translating.ts"
import { drawn } from "../../helpers/sample.ts"

/** Where a text column's length and alphabet come from, and its greatest length. */
const SOURCES = {
  /** `pipeline/intake/request-id.ts` */
  requestId: 36,
  /** Names and ids of the configuration: `config/schema/forms.ts`. */
  configured: 128,
  /** Texts of the configuration: `line` of `config/schema/field.ts`. */
  line: 256,
  /** A union of the code. */
  closedList: 64,
  /** `pipeline/intake/client-name.ts` */
  closedClients: 32,
  /** `isIP`, without a zone. */
  address: 45,
  /** A hash in hexadecimal, with a name before it in places. */
  hash: 128,
  /** `system/build-info.ts` */
  version: 128,
  /** `token` of `bounded-text.ts` */
  token: 64,
  /** `foreignId` of `bounded-text.ts` */
  foreignId: 128,
  /** `errorMessage` of `bounded-text.ts` */
  errorMessage: 2000,
  /** `errorParam` of `bounded-text.ts` */
  errorParam: 256,
  /** `NAME_LIKE` of `pipeline/rows/record.ts` */
  lossPath: 128,
  /** `RESPONSE_ID` of `pipeline/answer/returned-state.ts` */
  responseId: 256,
  /** `LONGEST_TOKEN` of `upstream/reason.ts` */
  plainWord: 48,
  /** `LABEL` of `routing/policy/decision.ts` */
  label: 64,
  /** `wordLike` of `dialects/shape-reader.ts` */
  word: 32,
  /** The name of an error of the sandbox, or a status. */
  policyDetail: 32,
} as const

type Source = keyof typeof SOURCES

/** Columns that mean the same in every table. */
const EVERYWHERE: Readonly<Record<string, Source>> = {
  request_id: "requestId",
  books_request_id: "requestId",
  caller_id: "configured",
  caller_user: "configured",
  caller_project: "configured",
  caller_environment: "configured",
  token_id: "configured",
  resolved_group: "configured",
  strategy: "closedList",
  provider: "configured",
  model: "line",
  model_ref: "line",
  dialect: "closedList",
  target_provider: "configured",
  target_model: "line",
  target_dialect: "closedList",
  from_provider: "configured",
  from_model: "line",
  to_provider: "configured",
  to_model: "line",
  requested_model: "configured",
  error_class: "closedList",
  upstream_request_id: "foreignId",
  scope: "closedList",
  bucket: "closedList",
  decision: "closedList",
  mode: "closedList",
  class_label: "label",
  outcome: "closedList",
  reason: "closedList",
}

const OWN: Readonly<Record<string, Readonly<Record<string, Source>>>> = {
  request_usage: {
    caller_ip: "address",
    client: "closedClients",
    inbound_dialect: "closedList",
    target_region: "configured",
    cache: "closedList",
    cache_reason: "closedList",
    usage_source: "closedList",
    stop_reason: "token",
    service_tier: "token",
    speed: "token",
    inference_geo: "token",
    cost_unknown_reason: "closedList",
    pii_filter_mode: "closedList",
    pricing_source: "line",
    pricing_updated_at: "configured",
    router_version: "version",
    routing_config_fingerprint: "hash",
    pricing_catalog_fingerprint: "hash",
    error: "closedList",
    quota_state: "closedList",
    key_state: "closedList",
    traffic_shape_decision: "closedList",
    traffic_shape_scope: "closedList",
    traffic_shape_bucket: "closedList",
    end_user: "hash",
    model_group_config_fingerprint: "hash",
    routing_policy_fingerprint: "hash",
  },
  request_attempts: {
    key_id: "configured",
    error_message: "closedList",
    fallback_reason: "closedList",
    upstream_error_code: "plainWord",
    upstream_error_type: "plainWord",
    upstream_error_field: "plainWord",
  },
  request_translation_shapes: {
    client_dialect: "closedList",
    tool_choice: "closedList",
    output_cap_field: "closedList",
    reasoning_field: "closedList",
  },
  request_trace_events: { event: "closedList" },
  request_losses: { code: "closedList", path: "lossPath" },
  request_upstream_shape_events: { backoff_reason: "closedList" },
  request_errors: { code: "closedList", blame: "closedList", message: "errorMessage", param: "errorParam" },
  background_responses: { response_id: "responseId" },
  stored_state: { id_sha256: "hash" },
  request_contracts: {
    contract_bucket: "configured",
    contract_workload: "line",
    contract_failure_reason: "closedList",
    target_validation_status: "line",
    target_validation_workload: "line",
    target_validation_age_bucket: "closedList",
  },
  request_decision_shape_features: {
    output_cap_field: "closedList",
    tool_choice: "closedList",
    reasoning_kind: "closedList",
    reasoning_effort: "word",
    conversation_kind: "closedList",
    conversation_key: "hash",
    conversation_opening: "hash",
  },
  request_target_candidates: { hindrance: "closedList" },
  request_target_filter_reasons: { effect: "closedList" },
  request_routing_decisions: {
    rank_mode: "closedList",
    call_class: "closedList",
    pin_kind: "closedList",
    error: "closedList",
  },
  request_dynamic_score_terms: { term: "configured", role: "closedList" },
  request_policy_executions: { kind: "closedList", error: "closedList", error_detail: "policyDetail" },
}

const COLUMNS = new Map(TABLES.map(({ name, columns }) => [name, columns]))

function textColumns(table: string): readonly string[] {
  return Object.entries(COLUMNS.get(table) ?? {}).flatMap(([name, column]) =>
    storedKind(column) === "text" ? [name] : [],
  )
}

function sourceOf(table: string, column: string): Source | undefined {
  return OWN[table]?.[column] ?? EVERYWHERE[column]
}

describe("where the bound of each text comes from is known", () => {
  test.each([...COLUMNS.keys()])("of table %s", (table) => {
    expect(textColumns(table).filter((column) => sourceOf(table, column) === undefined)).toEqual([])
  })
})

describe("a configuration's texts that reach rows are bounded", () => {
  const long = "x".repeat(300)
  const raw = "a\u001b[31m"
  const target = (more: object) => ({ strategy: "static", targets: [{ provider: "upstream-chat", ...more }] })
  const changes: readonly (readonly [string, (config: Config, text: string) => void])[] = [
    ["a model id", (config, text) => (config.models["default"] = target({ model: text }))],
    ["a price's source", (config, text) => (config.models["default"] = target({ model: "m", pricing_source: text }))],
    ["a region", (config, text) => (config.models["default"] = target({ model: "m", region: text }))],
    ["a status", (config, text) => (config.models["default"] = target({ model: "m", validation: { status: text } }))],
    [
      "a workload",
      (config, text) => Object.assign(config.models["default"] ?? {}, { contract: { intended_workloads: [text] } }),
    ],
    ["a group's name", (config, text) => (config.models[text] = config.models["default"] ?? {})],
    ["a provider's name", (config, text) => (config.providers[text] = config.providers["upstream-chat"] ?? {})],
    ["a key's label", (config, text) => Object.assign(config.providers["upstream-chat"] ?? {}, { key_id: text })],
    ["a caller's id", (config, text) => Object.assign(config.callers[0] ?? {}, { id: text })],
    ["a token's id", (config, text) => Object.assign(config.callers[0] ?? {}, { token_id: text })],
    ["a caller's environment", (config, text) => Object.assign(config.callers[0] ?? {}, { environment: text })],
  ]
  test.each(changes)("%s", (_place, change) => {
    for (const [text, isRefused] of [
      ["x1", false],
      [long, true],
      [raw, true],
    ] as const) {
      const prepared = prepare({
        upstreams: { upstream: { url: "https://127.0.0.1:1" } },
        configure: (config) => change(config, text),
      })
      const { findings } = loadConfig({ path: prepared.configPath, env: prepared.env })
      prepared.remove()
      const codes = findings.filter(({ severity }) => severity === "error").map(({ code }) => code)
      expect([text.slice(0, 10), codes.includes("invalid-value")]).toEqual([text.slice(0, 10), isRefused])
    }
  })
})

const RAW = "\u001b]0;owned\u0007\u0000\u009b31m\u2028\u202e"
/** Far longer than any bound, with what terminals obey. */
const HOSTILE = `${RAW}${"long text ".repeat(20_000)}`
// oxlint-disable-next-line no-control-regex -- these are what must not be there
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

let upstream: FakeUpstream
let gateway: Gateway
const logged: string[] = []
const metricsToken = newToken("metrics")

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway(
    {
      upstreams: { upstream },
      configure: (config) => {
        config.server["decision_telemetry"] = { enabled: true }
        config.server["diagnostics"] = { enabled: true }
        config.server["client_ip"] = { trusted_proxy_cidrs: ["127.0.0.0/8"] }
        translating(config, ["upstream"])
        config.callers.push(callerEntry("watcher", metricsToken, ["default"], { metrics_admin: true }))
      },
    },
    { log: jsonLog(systemClock, (line) => logged.push(line)) },
  )
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const HEAD = { headers: { "x-request-id": `id \u009b${"i".repeat(4000)}` } }

/** Every text of an answer that is not its content is hostile. */
function spoiled(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((entry) => spoiled(entry))
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, spoiled(member, name)]))
  return SPOILT.has(key) ? HOSTILE : value
}
const SPOILT = new Set(["finish_reason", "stop_reason", "stop_sequence", "service_tier", "model", "status", "reason"])

function hostileAnswer(dialect: Dialect, streamed: boolean): string[] | string {
  const sample = SAMPLES[dialect]
  const tiers = { service_tier: HOSTILE, incomplete_details: { reason: HOSTILE } }
  if (!streamed) {
    const body = spoiled(JSON.parse(sample.unary())) as Record<string, unknown>
    const usage = { ...(body["usage"] as object), service_tier: HOSTILE, speed: HOSTILE, inference_geo: HOSTILE }
    return JSON.stringify({ ...body, ...tiers, usage })
  }
  return sample
    .frames()
    .map((frame) =>
      frame.replace(/^data: (\{.*\})$/m, (_line, data: string) => `data: ${JSON.stringify(spoiled(JSON.parse(data)))}`),
    )
}

/** Every text of every table, by place. */
function storedTexts(): readonly { readonly table: string; readonly column: string; readonly text: string }[] {
  using database = new Database(databasePath(gateway.directory), { readonly: true })
  return [...COLUMNS.keys()].flatMap((table) =>
    database
      .query<Record<string, unknown>, []>(`SELECT * FROM ${table}`)
      .all()
      .flatMap((row) =>
        textColumns(table).flatMap((column) => {
          const text = row[column]
          return typeof text === "string" ? [{ table, column, text }] : []
        }),
      ),
  )
}

describe("whatever an upstream or a client says", () => {
  test.each(
    ALL_PAIRS.flatMap(([client, target]) => [false, true].map((streamed) => [client, target, streamed] as const)),
  )(
    "%s at %s, streamed: %p: the call is recorded and logged, and no text is longer than its bound",
    async (client, target, streamed) => {
      const marker = `hostile <${client} ${target} ${streamed}>`
      const answer = hostileAnswer(target, streamed)
      upstream.plan(marker, typeof answer === "string" ? reply(answer, HEAD) : stream(answer, HEAD))
      const { requestId } = await gateway.call(
        client,
        SAMPLES[client].request({ model: groupOf("upstream", target), text: marker, stream: streamed }),
        {
          headers: {
            "user-agent": "agent/1 ".repeat(500),
            "session-id": "s".repeat(8000),
            "x-forwarded-for": `fe80::1%${"z".repeat(4000)}`,
            "anthropic-beta": `b${"e".repeat(4000)}`,
          },
        },
      )
      const [row] = gateway.records.usage(requestId)
      expect(row).toMatchObject({ stop_reason: "other", caller_ip: "fe80::1" })
      expect(row?.upstream_request_id).toHaveLength(128)
    },
  )

  test.each(drawn(ALL_SAMPLES).map(({ dialect }) => dialect))(
    "%s: names of members that end in an error are cut",
    async (client) => {
      const body = SAMPLES[client]
        .request({ model: "default" })
        .replace("{", `{${JSON.stringify(RAW + "k".repeat(5000))}:{"a":[1,!`)
      const answer = await gateway.call(client, body)
      expect(answer.status).toBe(400)
      const [row] = gateway.records.errors(answer.requestId)
      expect(row?.param).toContain("kkkk")
      expect(UNPRINTABLE.test(JSON.parse(answer.text)["error"]["message"] as string)).toBeFalse()
    },
  )

  test.each(drawn(ALL_SAMPLES).map(({ dialect }) => dialect))(
    "%s: an error's words go to the client and into no row",
    async (client) => {
      const marker = `refused <${client}>`
      const body = SAMPLES[client].errorBody(HOSTILE.slice(0, 1000), { type: HOSTILE, code: HOSTILE, param: HOSTILE })
      for (const status of [400, 429, 500]) upstream.plan(`${marker} ${status}`, reply(body, { status, ...HEAD }))
      for (const status of [400, 429, 500]) {
        const { requestId } = await gateway.call(client, SAMPLES[client].request({ text: `${marker} ${status}` }))
        expect(gateway.records.usage(requestId)).toHaveLength(1)
      }
    },
  )

  test("no text in the database is longer than its bound, or holds what a terminal obeys", () => {
    const texts = storedTexts()
    expect(texts.length).toBeGreaterThan(500)
    const wrong = texts.filter(({ table, column, text }) => {
      const source = sourceOf(table, column)
      return source === undefined || text.length > SOURCES[source] || UNPRINTABLE.test(text)
    })
    expect(wrong.map(({ table, column, text }) => `${table}.${column}: ${JSON.stringify(text.slice(0, 40))}`)).toEqual(
      [],
    )
  })

  test("each call has its line in the request log, and none is long", async () => {
    const calls = gateway.records.usage().length
    const metrics = await get(gateway, "/metrics", { token: metricsToken })
    expect(metrics.text).toContain("smart_router_request_log_dropped_lines_total 0")
    await gateway.stop()
    const text = readFileSync(path.join(gateway.directory, "logs/requests.jsonl"), "utf8")
    const lines = text.trimEnd().split("\n")
    expect(lines).toHaveLength(calls)
    expect(lines.filter((line) => line.length > 4096 || UNPRINTABLE.test(line))).toEqual([])
    expect(logged.filter((line) => line.length > 10_000 || UNPRINTABLE.test(line.trimEnd()))).toEqual([])
  })

  test("labels of metrics are names of the configuration and words of closed lists", async () => {
    const again = await startGateway(gateway.prepared)
    const { text } = await get(again, "/metrics", { token: metricsToken })
    await again.stop()
    const values = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, , value = ""]) => value)
    expect(values.length).toBeGreaterThan(50)
    expect(values.filter((value) => value.length > 128 || UNPRINTABLE.test(value))).toEqual([])
  })
})
