/** Who may call, with which credential, and what they are told when they may not. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { startRouter } from "../../../src/server/start.ts"
import { get } from "../../helpers/client.ts"
import type { Setup } from "../../helpers/config.ts"
import { callerEntry, newToken, prepare, sha256, targetsOf } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream, headerOf } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

const STATUSES = ["disabled", "suspended", "expired", "rotated"] as const
const tokens = Object.fromEntries(
  ["other", "next", "ended", "late", ...STATUSES].map((name) => [name, newToken(name)]),
) as Readonly<Record<"other" | "next" | "ended" | "late" | (typeof STATUSES)[number], string>>

let upstream: FakeUpstream
let gateway: Gateway

function setup(): Setup {
  const rotation = [
    {
      token_sha256: sha256(tokens.next).toUpperCase(),
      token_id: "rtr_me_lab_dev_next",
      expires_at: "2999-01-31T00:00:00Z",
    },
    { token_sha256: sha256(tokens.ended), token_id: "rtr_me_lab_dev_ended", expires_at: "2020-01-31T00:00:00Z" },
  ]
  return {
    upstreams: { upstream },
    configure: (config) => {
      config.models["private"] = { strategy: "static", aliases: ["claude-private"], targets: targetsOf(["upstream"]) }
      config.models["default"] = { ...config.models["default"], aliases: ["claude-opus-5-5"] }
      config.callers = [
        ...config.callers.map((caller) => ({ ...caller, tokens: rotation })),
        callerEntry("other", tokens.other, ["private"]),
        ...STATUSES.map((status) => callerEntry(`was-${status}`, tokens[status], ["default"], { status })),
      ]
    },
  }
}

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway(setup())
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

for (const sample of drawn(ALL_SAMPLES)) {
  const { dialect } = sample
  const ask = async (headers: Readonly<Record<string, string>>, model = "default"): ReturnType<Gateway["call"]> =>
    gateway.call(dialect, sample.request({ model }), { token: null, headers })

  test(`${dialect}: no credential, an empty, an unknown or an odd one is 401`, async () => {
    const odd = [
      {},
      { authorization: "Bearer " },
      { authorization: `Bearer ${newToken()}` },
      { "x-api-key": newToken() },
    ]
    const worse = [{ authorization: `Basic ${btoa("me:x")}` }, { authorization: gateway.token }, { "x-api-key": "" }]
    for (const headers of [...odd, ...worse]) {
      const answer = await ask(headers)
      expectError(answer, dialect, 401, "unauthorized")
    }
    expectError(await ask({ authorization: `Bearer ${gateway.token}x` }), dialect, 401, "unauthorized")
    expectError(await ask({ authorization: `Bearer ${sha256(gateway.token)}` }), dialect, 401, "unauthorized")
  })

  test(`${dialect}: both headers, the scheme in any case, and rotated-in tokens work`, async () => {
    for (const headers of [
      { authorization: `Bearer ${gateway.token}` },
      { authorization: `bearer ${gateway.token}` },
      { "x-api-key": gateway.token },
      { authorization: `Bearer ${tokens.next}` },
      { "x-api-key": tokens.next },
    ]) {
      expect((await ask(headers as Readonly<Record<string, string>>)).status).toBe(200)
    }
  })

  test(`${dialect}: of two credentials the known one counts, and neither goes upstream`, async () => {
    const stranger = newToken()
    const before = upstream.exchanges.length
    expect((await ask({ authorization: `Bearer ${gateway.token}`, "x-api-key": stranger })).status).toBe(200)
    expect((await ask({ authorization: `Bearer ${stranger}`, "x-api-key": gateway.token })).status).toBe(200)
    expect((await ask({ authorization: `Bearer ${gateway.token}`, "x-api-key": gateway.token })).status).toBe(200)
    expect((await ask({ authorization: `Bearer ${gateway.token}`, "x-api-key": tokens.next })).status).toBe(200)
    for (const { request } of upstream.exchanges.slice(before)) {
      const lines = request.headerLines.join("\n")
      for (const secret of [stranger, gateway.token, tokens.next]) expect(lines).not.toContain(secret)
      expect(headerOf(request, dialect === "messages" ? "x-api-key" : "authorization")).toContain(
        "sk-secret-of-upstream",
      )
      expect(headerOf(request, dialect === "messages" ? "authorization" : "x-api-key")).toBeUndefined()
    }
  })

  test(`${dialect}: credentials of two callers are ambiguous`, async () => {
    const answer = await ask({ authorization: `Bearer ${gateway.token}`, "x-api-key": tokens.other })
    expectError(answer, dialect, 400, "ambiguous-credentials")
  })

  test.each([...STATUSES])(`${dialect}: a %s caller is told so`, async (status) => {
    expectError(await ask({ "x-api-key": tokens[status] }), dialect, 403, `key-${status}`)
  })

  test(`${dialect}: a token past its expiry is key-expired`, async () => {
    expectError(await ask({ "x-api-key": tokens.ended }), dialect, 403, "key-expired")
  })

  test(`${dialect}: only allowed groups, by name or alias, and nothing goes upstream for others`, async () => {
    const mine = { authorization: `Bearer ${gateway.token}` }
    const theirs = { authorization: `Bearer ${tokens.other}` }
    expect((await ask(mine, "claude-opus-5-5")).status).toBe(200)
    expect((await ask(theirs, "claude-private")).status).toBe(200)
    const before = upstream.exchanges.length
    for (const [headers, model] of [
      [mine, "private"],
      [mine, "claude-private"],
      [mine, "no-such-group"],
      [mine, "vendor/model-1"],
      [mine, "Default"],
      [mine, "__proto__"],
      [mine, "constructor"],
      [theirs, "default"],
    ] as const) {
      expectError(await ask(headers, model), dialect, 403, "model-not-allowed")
    }
    expect(upstream.exchanges.length).toBe(before)
  })

  test(`${dialect}: an alias is recorded as what was asked for, with the group that served`, async () => {
    const answer = await ask({ authorization: `Bearer ${gateway.token}` }, "claude-opus-5-5")
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({
      requested_model: "claude-opus-5-5",
      resolved_group: "default",
      caller_id: "me-lab",
      caller_user: "me",
      caller_project: "lab",
      caller_environment: "dev",
      token_id: "rtr_me_lab_dev_me-lab",
    })
  })

  test(`${dialect}: the second token of a caller is recorded by its own id`, async () => {
    const answer = await ask({ "x-api-key": tokens.next })
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({
      caller_id: "me-lab",
      token_id: "rtr_me_lab_dev_next",
    })
  })
}

test("discovery and usage want a credential, health does not", async () => {
  for (const path of ["/v1/models", "/v1/models/default", "/v1/usage"]) {
    expectError(await get(gateway, path, { token: null }), "chat", 401, "unauthorized")
    expectError(await get(gateway, path, { token: tokens.disabled }), "chat", 403, "key-disabled")
  }
  for (const path of ["/healthz", "/readyz", "/version"])
    expect((await get(gateway, path, { token: null })).status).toBe(200)
})

test("no credential or hash of one stands in log or database", async () => {
  await gateway.stop()
  const raw = [gateway.token, ...Object.values(tokens)]
  expect(gateway.records.leaks([...raw, ...raw.map(sha256), ...gateway.prepared.secrets])).toEqual([])
})

const UNSOUND: readonly (readonly [string, NonNullable<Setup["configure"]>, RegExp])[] = [
  [
    "an inactive user",
    (config) => (config.users = [{ id: "me", name: "Me", type: "person", status: "suspended" }]),
    /me/u,
  ],
  ["an unknown project", (config) => (config.projects = []), /lab/u],
  ["no membership", (config) => (config.project_memberships = []), /member/iu],
  ["an unknown group", (config) => config.callers.forEach((caller) => (caller["allow"] = ["nowhere"])), /nowhere/u],
  [
    "one token for two callers",
    (config) => config.callers.push({ ...config.callers[0], id: "twin", token_id: "twin" }),
    /twin/u,
  ],
]

test.each(UNSOUND.map((row) => [...row] as const))("%s is refused at start", async (_, configure, hint) => {
  const prepared = prepare({ upstreams: { upstream }, configure })
  let message = "started"
  try {
    const router = await startRouter({
      configPath: prepared.configPath,
      env: prepared.env,
      listen: { hostname: "127.0.0.1", port: 0 },
    })
    await router.stop()
  } catch (failure) {
    message = String(failure)
  }
  expect(message).toMatch(hint)
  expect(message).not.toContain(sha256(prepared.token))
  prepared.remove()
})
