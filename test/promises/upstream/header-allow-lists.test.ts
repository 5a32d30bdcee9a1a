/** Headers cross the router by allow lists, both ways. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { expectCommonHeaders } from "../../helpers/expectations.ts"
import { FakeUpstream, headerOf } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway
const stranger = newToken("k2")

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      for (const provider of Object.values(config.providers)) {
        Object.assign(provider, {
          headers: { "X-Title": "router" },
          query: { "api-version": "2026-05-01" },
          forward_headers: ["x-wanted"],
        })
      }
      config.callers.push(callerEntry("stranger", stranger, Object.keys(config.models)))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const FORWARDED = {
  "x-codex-turn-state": "sticky-1",
  "x-wanted": "yes",
}
const OPENAI_ONLY = { "openai-beta": "assistants=v2", "x-openai-internal-codex-responses-lite": "true" }
const ANTHROPIC_ONLY = {
  "anthropic-version": "2026-10-21",
  "anthropic-beta": "effort-2025-11-24, advanced-tool-use-2025-11-20",
}
const KEPT_BACK = {
  cookie: "session=abc",
  "x-forwarded-for": "203.0.113.7",
  "x-forwarded-host": "inside.example",
  "x-real-ip": "203.0.113.7",
  forwarded: "for=203.0.113.7",
  "x-codex-turn-metadata": '{"workspace":"/home/me"}',
  "openai-organization": "org-mine",
  "openai-project": "proj-mine",
  "x-stainless-lang": "language-of-client",
  "session-id": "session-one",
  "x-claude-code-session-id": "session-two",
  "user-agent": "some-agent/1.0",
  referer: "http://inside.example/",
  "proxy-authorization": "Basic abc",
  "x-unwanted": "not-wanted",
}

test("equal idempotency keys of two callers never meet at a provider, and those of one always do", async () => {
  const sent = async (token: string): Promise<string | undefined> => {
    const headers = { "idempotency-key": "same" }
    await gateway.call("chat", SAMPLES.chat.request({ text: "idempotent" }), { headers, token })
    return headerOf(upstream.received("idempotent").at(-1)!.request, "idempotency-key")
  }
  const first = await sent(gateway.token)
  expect(await sent(gateway.token)).toBe(first)
  const other = await sent(stranger)
  expect(other).toEndWith("-same")
  expect(other).not.toBe(first)
})

for (const sample of drawn(ALL_SAMPLES)) {
  const { dialect } = sample

  test(`${dialect}: headers that hold a key, are too long or have another form do not come back`, async () => {
    const key = gateway.prepared.env["KEY_UPSTREAM"] ?? "no key"
    const BAD_TYPES = [`text/${key}`, `application/json; boundary="${btoa(key)}"`, `a/${"b".repeat(500)}`, "no type"]
    const BAD_STATES = [key, btoa(`state:${key}`), encodeURIComponent(key), "s".repeat(9000), "two words", "\u009b31m"]
    for (const [index, state] of BAD_STATES.entries()) {
      const marker = `telling <${dialect} ${index}>`
      const type = BAD_TYPES[index % BAD_TYPES.length] ?? ""
      upstream.plan(marker, reply(sample.unary(), { headers: { "Content-Type": type, "x-codex-turn-state": state } }))
      const answer = await gateway.call(dialect, sample.request({ text: marker }))
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/json"])
      expect(answer.headers.get("x-codex-turn-state")).toBeNull()
    }
    const marker = `harmless <${dialect}>`
    const headers = { "Content-Type": "application/json;charset=UTF-8", "x-codex-turn-state": "gAAAA-opaque_state.1==" }
    upstream.plan(marker, reply(sample.unary(), { headers }))
    const answer = await gateway.call(dialect, sample.request({ text: marker }))
    expect(answer.headers.get("content-type")).toBe("application/json;charset=UTF-8")
    expect(answer.headers.get("x-codex-turn-state")).toBe("gAAAA-opaque_state.1==")
  })

  test(`${dialect}: upstream sees what is named, the provider's own headers and query, and nothing else`, async () => {
    const marker = `up-${dialect}`
    const headers = { "idempotency-key": "once-1", ...FORWARDED, ...OPENAI_ONLY, ...ANTHROPIC_ONLY, ...KEPT_BACK }
    const path = `${sample.path}?beta=true&secret=query`
    const answer = await gateway.call(dialect, sample.request({ text: marker }), { headers, path })
    expect(answer.status).toBe(200)
    const { request } = upstream.received(marker)[0]!
    for (const [name, value] of Object.entries({ ...FORWARDED, ...(dialect === "messages" ? {} : OPENAI_ONLY) })) {
      expect([name, headerOf(request, name)]).toEqual([name, value])
    }
    for (const [name, value] of Object.entries(ANTHROPIC_ONLY)) {
      expect([name, headerOf(request, name)]).toEqual([name, dialect === "messages" ? value : undefined])
    }
    expect(headerOf(request, "idempotency-key")).toMatch(/^[0-9a-f]{16}-once-1$/)
    const lines = request.headerLines.join("\n").toLowerCase()
    for (const [name, value] of Object.entries(KEPT_BACK)) {
      expect(lines).not.toContain(value.toLowerCase())
      if (name !== "user-agent") expect(headerOf(request, name)).toBeUndefined()
    }
    expect(lines).not.toContain(gateway.token.toLowerCase())
    expect(headerOf(request, "x-title")).toBe("router")
    expect(headerOf(request, "accept-encoding")).toBe("identity")
    expect(headerOf(request, "content-type")).toStartWith("application/json")
    const target = new URL(request.target, upstream.url)
    expect(target.pathname).toBe(sample.path)
    expect(target.searchParams.get("api-version")).toBe("2026-05-01")
    expect(target.searchParams.get("beta")).toBe(dialect === "messages" ? "true" : null)
    expect(request.target).not.toContain("secret")
    const names = request.headerLines.map((line) => line.split(":")[0]!.toLowerCase())
    expect(names.toSorted()).toEqual([...new Set(names)].toSorted())
  })

  for (const streamed of [false, true]) {
    test(`${dialect}: nothing of the vendor's headers comes back ${streamed ? "streamed" : "unary"}`, async () => {
      const marker = `down-${dialect}-${streamed}`
      const vendor = {
        "x-codex-turn-state": "sticky-2",
        "openai-model": "gpt-secret",
        "openai-organization": "org-vendor",
        "openai-processing-ms": "12",
        "anthropic-ratelimit-requests-remaining": "3",
        "anthropic-organization-id": "org-vendor",
        "x-ratelimit-remaining-tokens": "7",
        "set-cookie": "vendor=1",
        "x-request-id": "vendor-id-1",
        "request-id": "vendor-id-1",
        "cf-ray": "abc",
        server: "vendor-server",
        via: "1.1 vendor",
        "strict-transport-security": "max-age=1",
        "x-vendor-thing": "secret-thing",
      }
      const answerOf = streamed
        ? stream(sample.frames(), { headers: vendor })
        : reply(sample.unary(), { headers: vendor })
      upstream.plan(marker, answerOf)
      const answer = await gateway.call(dialect, sample.request({ stream: streamed, text: marker }))
      expect(answer.status).toBe(200)
      expectCommonHeaders(answer, dialect)
      expect(answer.headers.get("x-codex-turn-state")).toBe("sticky-2")
      expect(answer.headers.get("server-timing")).toContain("upstream;dur=")
      expect(answer.headers.get("content-type")).toBe(
        streamed ? "text/event-stream; charset=utf-8" : "application/json",
      )
      const allowed = [
        "content-type",
        "content-length",
        "transfer-encoding",
        "date",
        "connection",
        "keep-alive",
        "cache-control",
      ]
      const own = [
        "x-request-id",
        "request-id",
        "server-timing",
        "x-codex-turn-state",
        "x-accel-buffering",
        "x-content-type-options",
      ]
      const names = [...answer.headers.keys()]
      expect(names.filter((name) => ![...allowed, ...own].includes(name))).toEqual([])
      expect(gateway.records.usage(answer.requestId)[0]?.upstream_request_id).toBe("vendor-id-1")
    })
  }
}

test("a provider without a key gets no credential at all, and other schemes are honoured", async () => {
  await using odd = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      const [chat, responses, messages] = ["chat", "responses", "messages"].map(
        (name) => config.providers[`upstream-${name}`]!,
      )
      delete chat!["api_key"]
      responses!["auth_scheme"] = "header:api-key"
      messages!["auth_scheme"] = "bearer"
      // another key makes another upstream of it, which would serve the other dialects too
      config.models["default"]!["translation"] = "off"
    },
  })
  for (const sample of ALL_SAMPLES) await odd.call(sample.dialect, sample.request({ text: `scheme-${sample.dialect}` }))
  const seen = (dialect: string, name: string): string | undefined =>
    headerOf(upstream.received(`scheme-${dialect}`)[0]!.request, name)
  const key = odd.prepared.secrets[0]!
  expect(["authorization", "x-api-key", "api-key"].map((name) => seen("chat", name))).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  expect(["authorization", "x-api-key", "api-key"].map((name) => seen("responses", name))).toEqual([
    undefined,
    undefined,
    key,
  ])
  expect(["authorization", "x-api-key"].map((name) => seen("messages", name))).toEqual([`Bearer ${key}`, undefined])
})

test("an Anthropic base URL works with and without /v1", async () => {
  for (const suffix of ["", "/v1", "/v1/"]) {
    await using gatewayOfBase = await startGateway({
      upstreams: { upstream },
      configure: (config) => {
        config.providers["upstream-messages"]!["base_url"] = `${upstream.url}${suffix}`
      },
    })
    const marker = `base-<${suffix}>`
    const answer = await gatewayOfBase.call("messages", ALL_SAMPLES[2]!.request({ text: marker }))
    expect(answer.status).toBe(200)
    expect(upstream.received(marker)[0]!.request.target).toBe("/v1/messages")
  }
})
