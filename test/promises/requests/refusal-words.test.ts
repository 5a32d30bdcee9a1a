/** A refusal of the router says by its message alone what is wrong, and what to do instead. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import Anthropic from "@anthropic-ai/sdk"
import OpenAI from "openai"
import { call } from "../../helpers/client.ts"
import { callerEntry, newToken, targetsOf } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway
const none = newToken("none")
const many = newToken("many")
const MANY = Array.from({ length: 40 }, (_, index) => `group-${index}`)

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      const group = { strategy: "static", targets: targetsOf(["upstream"]) }
      for (const name of ["chat", "coding", "hidden", ...MANY]) config.models[name] = group
      config.models["coding"] = { ...group, aliases: ["claude-coding"] }
      config.callers[0]!["allow"] = ["default", "chat", "coding"]
      config.server["public_url"] = "https://router.example.com/ai/"
      config.callers.push(callerEntry("none", none, []), callerEntry("many", many, MANY))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

test("the vendors' clients throw their errors, which carry the address of the error's entry", async () => {
  const options = { apiKey: gateway.token, maxRetries: 0 }
  const openai = new OpenAI({ ...options, baseURL: `${gateway.url}/v1` })
  const anthropic = new Anthropic({ ...options, baseURL: gateway.url })
  const messages = [{ role: "user" as const, content: "x" }]
  const asked: readonly Promise<unknown>[] = [
    openai.chat.completions.create({ model: "hidden", messages }),
    openai.responses.create({ model: "hidden", input: "x" }),
    anthropic.messages.create({ model: "hidden", max_tokens: 5, messages }),
  ]
  for (const answer of await Promise.allSettled(asked)) {
    const error = (answer as PromiseRejectedResult).reason as { readonly error: unknown }
    expect(error.constructor.name).toBe("PermissionDeniedError")
    expect(JSON.stringify(error.error)).toContain(
      '"doc_url":"https://router.example.com/ai/docs/errors#model-not-allowed"',
    )
  }
  expect(at(parsed(await call(gateway, "chat", "{}", { path: "/v1/nothing" })), "error", "doc_url")).toBe(
    "https://router.example.com/ai/docs/errors#not-found",
  )
})

const messageOf = (answer: Parameters<typeof parsed>[0]): string => String(at(parsed(answer), "error", "message"))

describe.each(drawn(DIALECTS))("in %s", (dialect) => {
  const asked = async (model: string, token?: string): Promise<string> => {
    const answer = await gateway.call(
      dialect,
      SAMPLES[dialect].request({ model }),
      token === undefined ? {} : { token },
    )
    expectError(answer, dialect, 403, "model-not-allowed")
    return messageOf(answer)
  }

  test("an unknown model group is named, with the nearest and with those that there are", async () => {
    expect(await asked("chta")).toBe(
      'There is no model group "chta" that this token may use. Did you mean "chat"? It may use: default, chat, coding.',
    )
    expect(await asked("claude-codng")).toContain('Did you mean "claude-coding"?')
  })

  test("a group of others looks like one that does not exist", async () => {
    expect((await asked("hidden")).replace("hidden", "nosuch")).toBe(await asked("nosuch"))
  })

  test("many groups and long names are cut", async () => {
    const message = await asked("x".repeat(5000), many)
    expect(message.length).toBeLessThan(500)
    expect(message).toContain("GET /v1/models")
    expect(await asked("chat", none)).toEndWith("It may use none.")
  })

  const denied = async (headers: Record<string, string>): Promise<string> => {
    const answer = await gateway.call(dialect, SAMPLES[dialect].request(), { token: null, headers })
    expectError(answer, dialect, 401, "unauthorized")
    return messageOf(answer)
  }

  test("a missing, a mislaid and an unknown token are told apart", async () => {
    expect(await denied({})).toContain("has no token")
    expect(await denied({ authorization: "Bearer " })).toContain("has no token")
    expect(await denied({ authorization: gateway.token })).toContain("must say Bearer")
    const unknown = newToken("stranger")
    for (const headers of [{ authorization: `Bearer ${unknown}` }, { "x-api-key": unknown }]) {
      const message = await denied(headers)
      expect(message).toContain("does not know the token")
      expect(message).not.toContain(unknown)
    }
  })

  test.each([
    ["sk-ant-api03-abcdefghijkl", "a key of Anthropic"],
    ["sk-proj-abcdefghijkl", "a key of OpenAI"],
    ["sk-or-v1-abcdefghijkl", "a key of OpenRouter"],
    ["AIzaSyAbcdefghijkl", "a key of Google"],
    ["gsk_abcdefghijkl", "a key of Groq"],
    ["eyJhbGciOi.eyJzdWIiOi.abc", "a sign-in token"],
  ])("a key of a provider is called one: %s", async (key, words) => {
    for (const headers of [{ authorization: `Bearer ${key}` }, { "x-api-key": key }]) {
      const message = await denied(headers)
      expect(message).toContain(words)
      expect(message).not.toContain(key)
    }
  })
})

test.each([
  ["/v1/nothing", 'There is nothing at the path "/v1/nothing".'],
  ["/v1/embeddings", "This router does not offer embeddings"],
  ["/v1/images/generations", "This router does not offer images"],
  ["/v1/audio/speech", "This router does not offer audio"],
  ["/v1/batches", "This router does not offer batches"],
  ["/v1/messages/batches", "This router does not offer messages/batches"],
  ["/v1/completions", "This router does not offer completions"],
  ["/embeddings", "This router does not offer embeddings"],
])("POST %s is told by name", async (path, words) => {
  const dialect = path.includes("messages") ? "messages" : "chat"
  const answer = await call(gateway, dialect, "{}", { path })
  expectError(answer, dialect, 404, "not-found")
  expect(messageOf(answer)).toStartWith(words)
  expect(messageOf(answer)).toContain("/v1/chat/completions")
})

test.each([
  ["/v1/chat/completions/chat/completions", "chat", "/v1/chat/completions"],
  ["/v1/chat/completions/models", "chat", "/v1/chat/completions"],
  ["/chat/completions/v1/chat/completions", "chat", "/chat/completions"],
  ["/v1/responses/responses", "responses", "/v1/responses"],
  ["/v1/messages/v1/messages", "messages", "/v1/messages"],
  ["/v1/messages/v1/messages/count_tokens", "messages", "/v1/messages"],
  ["/anthropic/v1/messages/v1/messages", "messages", "/v1/messages"],
] as const)("POST %s: the endpoint in the base URL is named", async (path, dialect, endpoint) => {
  const answer = await call(gateway, dialect, "{}", { path })
  expectError(answer, dialect, 404, "not-found")
  expect(messageOf(answer)).toContain(`Leave "${endpoint}" out of it`)
})

test("a path that is long or odd is cut and quoted", async () => {
  const answer = await call(gateway, "chat", "{}", { path: `/v1/${"x".repeat(4000)}` })
  expect(messageOf(answer).length).toBeLessThan(300)
})

test.each(drawn(DIALECTS))("a base URL with /v1 in it works for %s too", async (dialect) => {
  const sample = SAMPLES[dialect]
  const answer = await gateway.call(dialect, sample.request(), { path: `/v1${sample.path}` })
  expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: sample.unary() })
})
