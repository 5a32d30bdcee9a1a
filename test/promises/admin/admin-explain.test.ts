/** `/admin/api/explain`: how calls are decided, told by the running router, which does not notice that it was asked. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Explanation } from "../../../src/explain/explanation.ts"
import { ask, cheapPasswords, HASHES, PASSWORD_HASH, user, withAdministrators } from "../../helpers/administrators.ts"
import { reply } from "../../helpers/behaviours.ts"
import { eventually, get } from "../../helpers/client.ts"
import { runHere } from "../../helpers/command-line.ts"
import type { Config } from "../../helpers/config.ts"
import { callerEntry, newToken, sha256, targetsOf } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { handOut } from "../../helpers/stored-ids.ts"
import { noPostgres, sharedPostgres } from "../../helpers/postgres.ts"
import { ALL_SAMPLES, SAMPLES, type Sample } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const EXPLAIN = "/admin/api/explain"
const USERS = [
  user("root"),
  user("dev", { domain: "lab/dev" }),
  user("prod", { domain: "lab/prod" }),
  user("reports", { permissions: ["admin:reports:read|drilldown"] }),
]
const PROD = newToken("p1")

let alpha: FakeUpstream
let beta: FakeUpstream
let passwords: Disposable

beforeAll(async () => {
  passwords = cheapPasswords()
  alpha = (await FakeUpstream.start()).otherwise(vendorAnswer("alpha"))
  beta = (await FakeUpstream.start()).otherwise(vendorAnswer("beta"))
})
afterAll(async () => {
  await alpha.stop()
  await beta.stop()
  passwords[Symbol.dispose]()
})

async function house(configure: (config: Config, directory: string) => void = () => {}, env = {}): Promise<Gateway> {
  return startGateway({
    upstreams: { alpha, beta },
    env: { ...HASHES, ...env },
    configure: (config, directory) => {
      config.server["decision_telemetry"] = { enabled: true }
      withAdministrators(config, USERS)
      config.callers.push(callerEntry("shop", PROD, ["default"], { environment: "prod" }))
      config.callers.push(callerEntry("idle", newToken("i1"), ["default"], { status: "suspended" }))
      configure(config, directory)
    },
  })
}

async function told(
  gateway: Gateway,
  question: Readonly<Record<string, unknown>>,
  name = "root",
): Promise<Explanation> {
  const answer = await ask(gateway, EXPLAIN, { user: name, body: question })
  expect(answer.status).toBe(200)
  expect(answer.headers.get("cache-control")).toBe("no-store")
  return parsed(answer) as Explanation
}

const asked = (sample: Sample, model = "default", text = "hello") => ({
  caller: "me-lab",
  path: sample.path,
  request: JSON.parse(sample.request({ model, text })) as unknown,
})

const secretsOf = (gateway: Gateway): readonly string[] => [
  ...gateway.prepared.secrets,
  gateway.token,
  sha256(gateway.token),
  PASSWORD_HASH,
]

const DRIVERS = [
  { driver: "sqlite", dsn: null },
  {
    driver: noPostgres === null ? "postgres" : `postgres (${noPostgres})`,
    dsn: noPostgres === null ? "own" : undefined,
  },
] as const

for (const { driver, dsn } of DRIVERS)
  describe.skipIf(dsn === undefined)(`a call that was made, on ${driver}`, () => {
    let gateway: Gateway
    beforeAll(async () => {
      const env: Record<string, string> = dsn === null ? {} : { USAGE_DB_DSN: await (await sharedPostgres()).schema() }
      gateway = await house((config) => {
        if (dsn !== null) config.server["usage_db"] = { driver: "postgres", dsn: "${USAGE_DB_DSN}" }
        config.models["tools"] = { strategy: "failover", targets: targetsOf(["alpha"], { tool_only: true }) }
        config.callers[0] = { ...config.callers[0], allow: ["default", "tools"] }
      }, env)
    })
    afterAll(() => gateway[Symbol.asyncDispose]())

    const byCommand = async (id: string): Promise<unknown> => {
      const args = ["explain", "--id", id, "--json", "--config", gateway.prepared.configPath]
      return JSON.parse((await runHere(args, { env: gateway.prepared.env })).out) as unknown
    }

    test("is told as the command tells it, in every dialect", async () => {
      for (const sample of ALL_SAMPLES) {
        const { requestId } = await gateway.call(sample.dialect, sample.request({ text: "a private word" }))
        const answer = await ask(gateway, `${EXPLAIN}/${requestId}`, { user: "dev" })
        expect(answer.status).toBe(200)
        const explanation = parsed(answer) as Explanation
        expect(explanation).toMatchObject({ source: "ledger", request_id: requestId, caller: "me-lab", notes: [] })
        expect(explanation.targets[0]).toMatchObject({ provider: `alpha-${sample.dialect}`, final_rank: 0 })
        expect(explanation).toEqual((await byCommand(requestId)) as Explanation)
        for (const secret of [...secretsOf(gateway), "a private word"]) expect(answer.text).not.toContain(secret)
      }
    })

    test("that nothing could serve comes with the line to change, as its caller was told", async () => {
      const refused = await gateway.call("chat", SAMPLES.chat.request({ model: "tools" }))
      expect(refused.status).toBe(400)
      const explanation = parsed(await ask(gateway, `${EXPLAIN}/${refused.requestId}`, { user: "root" })) as Explanation
      expect(explanation.error?.code).toBe("no-eligible-target")
      expect(explanation.hint).toStartWith("models.tools.targets[0] (line ")
      expect(explanation.hint).toBe(String(at(parsed(refused), "error", "details", "hint")))
      expect(await byCommand(refused.requestId)).toMatchObject({ hint: explanation.hint })
    })

    test("elsewhere, or never, looks the same", async () => {
      const { requestId: mine } = await gateway.call("chat", SAMPLES.chat.request())
      const { requestId: theirs } = await gateway.call("chat", SAMPLES.chat.request(), { token: PROD })
      const seen = async (name: string, id: string) => ask(gateway, `${EXPLAIN}/${id}`, { user: name })
      expect((await seen("prod", theirs)).status).toBe(200)
      expect((await seen("root", theirs)).status).toBe(200)
      const hidden = await Promise.all([
        seen("dev", theirs),
        seen("prod", mine),
        seen("root", `req_${"0".repeat(32)}`),
        seen("root", "req_1"),
        seen("root", ""),
        seen("root", "%00"),
        seen("root", `${mine}/`),
        seen("root", mine.toUpperCase()),
        seen("root", "x'%20OR%20'1'='1"),
      ])
      for (const answer of hidden) expectError(answer, "chat", 404, "not-found")
      expect(new Set(hidden.map(({ text, requestId }) => text.replace(requestId, "ID"))).size).toBe(1)
    })
  })

test("a permission for something else is none", async () => {
  await using gateway = await house()
  expectError(
    await ask(gateway, EXPLAIN, { user: "reports", body: asked(SAMPLES.chat) }),
    "chat",
    403,
    "admin-forbidden",
  )
  const id = `${EXPLAIN}/req_${"0".repeat(32)}`
  expectError(await ask(gateway, id, { user: "reports" }), "chat", 403, "admin-forbidden")
  expectError(
    await ask(gateway, id, { headers: { authorization: `Bearer ${gateway.token}` } }),
    "chat",
    401,
    "unauthorized",
  )
  expect((await ask(gateway, "/admin/auth/check", { user: "reports" })).status).toBe(200)
})

describe("a request that is decided and not sent", () => {
  let gateway: Gateway
  beforeAll(async () => {
    gateway = await house((config) => {
      config.models["small"] = { strategy: "static", targets: targetsOf(["alpha"], { tool_only: true }) }
      config.callers[0] = { ...config.callers[0], allow: ["default", "small"] }
    })
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  test("has the shape that the command gives, in every dialect, by path and by name", async () => {
    for (const sample of ALL_SAMPLES) {
      const { request } = asked(sample)
      const file = join(gateway.directory, "body.json")
      writeFileSync(file, JSON.stringify(request))
      const command = ["explain", "--config", gateway.prepared.configPath, "--json", "--request", file]
      const { out } = await runHere([...command, "--caller", "me-lab", "--dialect", sample.configName], {
        env: gateway.prepared.env,
      })
      const cold = JSON.parse(out) as Explanation
      const byPath = await told(gateway, asked(sample))
      const byName = await told(gateway, { caller: "me-lab", dialect: sample.configName, request })
      for (const live of [byPath, byName]) {
        // when it was asked, and what is said of where
        const { request_id, ts, notes } = live
        const call = cold.call === null ? null : { ...cold.call, ts }
        expect(live).toEqual({ ...cold, request_id, ts, notes, call })
        expect(notes).not.toEqual(cold.notes)
        expect(live.request_id).toMatch(/^req_[0-9a-f]{32}$/u)
      }
    }
  })

  test("what would be refused is told as its caller would be told, with the hint", async () => {
    const explanation = await told(gateway, asked(SAMPLES.chat, "small"))
    expect(explanation.error?.code).toBe("no-eligible-target")
    expect(explanation.hint).toContain("models.small.targets[0]")
    expect((await told(gateway, asked(SAMPLES.chat, "secret-group"))).error?.code).toBe("model-not-allowed")
    expect((await told(gateway, { caller: "me-lab", request: [] })).error?.code).toBe("invalid-request")
    const twice = '{"caller":"me-lab","request":{"model":"default","model":"small","messages":[]}}'
    const answer = await ask(gateway, EXPLAIN, { user: "root", body: twice })
    expect(at(parsed(answer), "error", "code")).toBe("duplicate-key")
  })

  test("a caller whose calls are refused anyway is said to be", async () => {
    const of = async (caller: string) => (await told(gateway, { ...asked(SAMPLES.chat), caller })).notes.join(" ")
    expect(await of("idle")).toContain("The caller is suspended")
    expect(await of("me-lab")).not.toContain("The caller is")
  })

  test("only callers of the administrator's domain are there", async () => {
    expect((await told(gateway, { ...asked(SAMPLES.chat), caller: "shop" }, "prod")).caller).toBe("shop")
    for (const [name, caller] of [
      ["dev", "shop"],
      ["prod", "me-lab"],
      ["root", "nobody"],
      ["root", "__proto__"],
    ] as const) {
      const answer = await ask(gateway, EXPLAIN, { user: name, body: { ...asked(SAMPLES.chat), caller } })
      expectError(answer, "chat", 404, "not-found")
      expect(at(parsed(answer), "error", "param")).toBe("caller")
    }
  })

  const hostile: readonly (readonly [what: string, body: string, status: number, code: string])[] = [
    ["nothing", "", 400, "invalid-json"],
    ["no JSON", "{", 400, "invalid-json"],
    ["a list", "[]", 400, "invalid-request"],
    ["an encoded text", '"{}"', 400, "invalid-request"],
    ["no caller", '{"request":{}}', 400, "invalid-request"],
    ["a caller that is no text", '{"caller":{"$ne":1},"request":{}}', 400, "invalid-request"],
    ["no request", '{"caller":"me-lab"}', 400, "invalid-request"],
    ["a key twice", '{"caller":"me-lab","caller":"shop","request":{}}', 400, "duplicate-key"],
    ["a key twice, once in disguise", '{"caller":"me-lab","c\\u0061ller":"shop","request":{}}', 400, "duplicate-key"],
    ["a key too many", '{"caller":"me-lab","request":{},"send":true}', 400, "invalid-request"],
    [
      "two dialects",
      '{"caller":"me-lab","dialect":"anthropic","path":"/v1/messages","request":{}}',
      400,
      "invalid-request",
    ],
    ["a dialect that is none", '{"caller":"me-lab","dialect":"__proto__","request":{}}', 400, "invalid-request"],
    ["a path that is none", '{"caller":"me-lab","path":"/v1/models","request":{}}', 400, "invalid-request"],
    ["too deep", `{"caller":"me-lab","request":${"[".repeat(600)}${"]".repeat(600)}}`, 400, "invalid-request"],
    ["more behind it", '{"caller":"me-lab","request":{}} {}', 400, "invalid-json"],
  ]
  test.each(hostile)("a hostile body is refused: %s", async (_what, body, status, code) => {
    const answer = await ask(gateway, EXPLAIN, { user: "root", body })
    expectError(answer, "chat", status, code as "invalid-json")
    expect(answer.headers.get("cache-control")).toBe("no-store")
  })

  test("no UTF-8, another media type, an encoding, and too much are refused", async () => {
    const send = async (body: Uint8Array | string, headers: Readonly<Record<string, string>>): Promise<string> => {
      const { authorization } = { authorization: `Basic ${btoa("root:correct horse battery")}` }
      const answer = await fetch(gateway.url + EXPLAIN, {
        method: "POST",
        headers: { "content-type": "application/json", authorization, ...headers },
        body: typeof body === "string" ? body : Buffer.from(body),
      })
      return `${answer.status} ${String(at(await answer.json(), "error", "code"))}`
    }
    const good = JSON.stringify(asked(SAMPLES.chat))
    expect(await send(Buffer.from([...Buffer.from('{"caller":"'), 0xff, 0x22, 0x7d]), {})).toBe("400 invalid-json")
    expect(await send(good, { "content-type": "text/plain" })).toBe("415 unsupported-media-type")
    expect(await send(good, { "content-encoding": "gzip" })).toBe("415 unsupported-media-type")
    expect(await send(" ".repeat((32 << 20) + 1), {})).toBe("413 body-too-large")
  })

  test("of pages of other origins nothing is told, though they may call", async () => {
    await using open = await house((config) => {
      config.server["cors"] = { allow_origins: ["https://app.example"] }
    })
    const headers = { origin: "https://app.example", "access-control-request-method": "POST" }
    const preflight = await ask(open, EXPLAIN, { method: "OPTIONS", headers })
    expect(preflight.headers.get("access-control-allow-origin")).toBeNull()
    expect(
      (await ask(open, "/v1/models", { method: "OPTIONS", headers })).headers.get("access-control-allow-origin"),
    ).toBe("https://app.example")
  })
})

describe("what only a running router knows", () => {
  test("an open breaker puts its target last, and a half-open one is not probed by asking", async () => {
    await using gateway = await house((config) => {
      config.server["breaker"] = { failures: 2, window: "10m", cooldown: "2s" }
      config.models["default"] = { strategy: "failover", targets: targetsOf(["alpha", "beta"]) }
    })
    alpha.plan("break-it", reply("", { status: 503 }))
    for (let round = 0; round < 2; round += 1) await gateway.call("chat", SAMPLES.chat.request({ text: "break-it" }))
    const open = await told(gateway, asked(SAMPLES.chat))
    expect(open.targets[0]?.provider).toBe("beta-chat")
    const hindered = open.targets.find(({ provider }) => provider === "alpha-chat")
    expect(hindered).toMatchObject({ hindrance: "breaker-open", eligible: 1 })
    expect(hindered?.hindrance_ms).toBeWithin(0, 2001)
    const halfOpen = await eventually("the cooldown's end", async () => {
      const now = await told(gateway, asked(SAMPLES.chat))
      return now.targets[0]?.provider === "alpha-chat" ? now : undefined
    })
    expect(halfOpen.targets[0]?.hindrance).toBeNull()
    for (let round = 0; round < 3; round += 1) await told(gateway, asked(SAMPLES.chat))
    // the next real call is the probe
    const { requestId } = await gateway.call("chat", SAMPLES.chat.request({ text: "well again" }))
    const events = gateway.records.trace(requestId).map(({ event }) => event)
    expect(events).toContain("target_probed")
    expect(events).toContain("breaker_closed")
  })

  test("a contract's live figures take a target out", async () => {
    await using gateway = await house((config) => {
      config.models["default"] = {
        strategy: "failover",
        contract: { operational_targets: { max_error_rate: 0.2 } },
        targets: [...targetsOf(["alpha"]), ...targetsOf(["beta"])],
      }
    })
    const sample = SAMPLES.chat
    alpha.plan("rather bad", reply("", { status: 503 }))
    const missing = await eventually("a target that misses its contract", async () => {
      const bad = sample.request({ text: "rather bad" })
      await Promise.all(Array.from({ length: 10 }, () => gateway.call("chat", bad)))
      const now = await told(gateway, asked(sample))
      const target = now.targets.find(({ provider }) => provider === "alpha-chat")
      return target?.eligible === 0 ? target : undefined
    })
    expect(missing.reasons).toEqual(["contract-operational-error-rate"])
  })

  test("a conversation's pin stays where it was", async () => {
    await using gateway = await house((config) => {
      config.models["default"] = {
        strategy: "weighted",
        affinity: { max_entries: 2 },
        targets: targetsOf(["alpha", "beta"]),
        translation: "off",
      }
    })
    const first = [{ role: "user", content: "the first conversation" }]
    const say = async (messages: readonly object[]): Promise<string> => {
      const answer = await gateway.call("chat", JSON.stringify({ model: "default", messages }))
      expect(answer.status).toBe(200)
      return String(gateway.records.usage(answer.requestId)[0]?.target_provider)
    }
    const served = await say(first)
    const next = [...first, { role: "assistant", content: "yes" }, { role: "user", content: "and now?" }]
    const pinned = async () => {
      const { targets, decisions } = await told(gateway, {
        caller: "me-lab",
        request: { model: "default", messages: next },
      })
      expect(decisions[0]?.pin_kind === null).toBe(targets.every((target) => target.pinned === 0))
      return targets.find((target) => target.pinned === 1)?.provider
    }
    for (let round = 0; round < 6; round += 1) expect(await pinned()).toBe(served)
    // being looked at is no use: of three conversations the one that was served first gives way
    await say([{ role: "user", content: "the second conversation" }])
    expect(await pinned()).toBe(served)
    await say([{ role: "user", content: "the third conversation" }])
    expect(await pinned()).toBeUndefined()
  })

  test("scores come from live figures, and nothing is explored, followed, reserved, counted or recorded by asking", async () => {
    await using gateway = await house((config) => {
      config.models["default"] = {
        strategy: "dynamic_score",
        routing_policy: { dynamic_score: { min_observations: 1, exploration_percent: 50 } },
        targets: [...targetsOf(["alpha"], { weight: 50 }), ...targetsOf(["beta"], { weight: 50 })],
        affinity: { enabled: false },
        translation: "off",
      }
      config.callers[0] = {
        ...config.callers[0],
        rate: { rpm: 1000 },
        quota: { day: { requests: 500, tokens: 900_000 } },
        metrics_admin: true,
      }
    })
    const sample = SAMPLES.chat
    const state = async (): Promise<unknown> => {
      const usage = parsed(await get(gateway, "/v1/usage"))
      const metrics = (await get(gateway, "/metrics")).text
      const counted = metrics
        .split("\n")
        .filter((line) => /^smart_\w+\{/.test(line) && !/uptime|cpu|memory|seconds/.test(line))
      return { limits: at(usage, "limits"), counted }
    }
    await eventually("live figures of both", async () => {
      await gateway.call("chat", sample.request())
      const { targets, decisions } = await told(gateway, asked(sample))
      const seen = targets.filter(({ observations }) => (observations ?? 0) > 0)
      return decisions[0]?.rank_mode !== "cold-start" && seen.length === 2 ? true : undefined
    })
    await gateway.call("chat", sample.request())
    const [before, rows, sent] = [
      await state(),
      gateway.records.usage().length,
      alpha.exchanges.length + beta.exchanges.length,
    ]
    const modes = new Set<unknown>()
    for (let round = 0; round < 12; round += 1) {
      const { targets, decisions } = await told(gateway, asked(sample))
      expect(targets.filter(({ observations }) => (observations ?? 0) > 0)).toHaveLength(2)
      modes.add(decisions[0]?.rank_mode)
    }
    expect([...modes].every((mode) => mode === "scored" || mode === "explored")).toBe(true)
    expect(await state()).toEqual(before as object)
    expect(gateway.records.usage()).toHaveLength(rows)
    expect(alpha.exchanges.length + beta.exchanges.length).toBe(sent)
  })
})

test("stored state is followed to the target that holds it, and nobody else's", async () => {
  await using gateway = await house()
  const place = { kind: "response", dialect: "openai-responses" } as const
  handOut(gateway.directory, { ...place, id: "resp_mine", provider: "beta-responses" })
  handOut(gateway.directory, { ...place, id: "resp_theirs", provider: "beta-responses", project: "another" })
  const following = (id: string) => ({
    caller: "me-lab",
    path: "/v1/responses",
    request: JSON.parse(SAMPLES.responses.request({ extra: { previous_response_id: id } })) as unknown,
  })
  const { targets, error } = await told(gateway, following("resp_mine"))
  expect(error).toBeNull()
  const tried = targets.filter(({ final_rank }) => final_rank !== null)
  expect(tried.map(({ provider }) => provider)).toEqual(["beta-responses"])
  expect((await told(gateway, following("resp_theirs"))).error?.code).toBe("not-found")
})

test("a script that is stopped while it is only asked is not benched for live calls", async () => {
  await using gateway = await house((config, directory) => {
    writeFileSync(
      join(directory, "route.ts"),
      `export function route(ctx: any) {
        if (ctx.text.includes("spin")) for (;;) {}
        return { targetIndex: 0, fallbackIndexes: [], classLabel: "decided" }
      }`,
    )
    config.models["default"] = { strategy: "script", script: "route.ts", targets: targetsOf(["alpha"]) }
  })
  for (let round = 0; round < 4; round += 1) {
    const { error, policies } = await told(gateway, asked(SAMPLES.chat, "default", "spin"))
    expect(error?.code).toBe("routing-policy-error")
    expect(policies[0]).toMatchObject({ kind: "script", outcome: "failed", error: "deadline" })
  }
  const { policies } = await told(gateway, asked(SAMPLES.chat))
  expect(policies[0]).toMatchObject({ outcome: "decided", class_label: "decided" })
  expect((await gateway.call("chat", SAMPLES.chat.request())).status).toBe(200)
})

test("the secrets of a deployment are in no answer and in no file", async () => {
  await using gateway = await house()
  const texts: string[] = []
  for (const sample of ALL_SAMPLES) {
    const { requestId } = await gateway.call(sample.dialect, sample.request())
    for (const answer of [
      await ask(gateway, EXPLAIN, { user: "root", body: asked(sample) }),
      await ask(gateway, `${EXPLAIN}/${requestId}`, { user: "root" }),
      await ask(gateway, "/admin/auth/check", { user: "root" }),
      await ask(gateway, EXPLAIN, { user: "root", password: "wrong", body: asked(sample) }),
    ])
      texts.push(answer.text, JSON.stringify([...answer.headers]))
  }
  const secrets = secretsOf(gateway)
  expect(secrets.filter((secret) => texts.some((text) => text.includes(secret)))).toEqual([])
  await gateway.stop()
  expect(gateway.records.leaks(secrets)).toEqual([])
})
