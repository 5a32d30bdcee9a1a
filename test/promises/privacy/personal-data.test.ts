/**
 * In groups with a filter, no personal data of a request leaves the router, or stands in anything that it writes down; where
 * the group restores, its client reads the originals, in every dialect, unary and streamed, across dialects and after failover.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import Anthropic from "@anthropic-ai/sdk"
import OpenAI from "openai"
import { reply, stream, resetAtOnce } from "../../helpers/behaviours.ts"
import { get } from "../../helpers/client.ts"
import { bodyText, FakeUpstream, type Behaviour } from "../../helpers/fake-upstream.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { ALL_PAIRS, allowAll, groupOf, translating } from "../../helpers/translating.ts"
import { sampleFor } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let second: FakeUpstream
let gate: LocalGateway
const logged: unknown[] = []
const note = (...words: unknown[]): void => void logged.push(words)

const MAIL = "jane.roe@example.com"
const PHONE = "+49 170 7654321"
const STAFF = "EMP-448812"
const SECRETS = [MAIL, PHONE, STAFF]
const QUOTED = String.raw`Zoe "Z\" Roe`
const RULES = [
  { name: "staff", expression: String.raw`(?i)\bemp-\d{6}\b`, placeholder_prefix: "STAFF" },
  { name: "quoted", expression: String.raw`Zoe "Z\\" Roe`, placeholder_prefix: "NAME" },
]
const RESTORING = { pii_filter: { enabled: true, mode: "redact_and_restore", rules: RULES } }
const PLACEHOLDER = /\[[A-Z_]+_[B-Z]{10}\]/g

/** Repeats what it was told, as a model that quotes would; a stream comes in pieces of three characters. */
const quoting: Behaviour = async (exchange) => {
  const body = bodyText(exchange.request)
  const sample = sampleFor(exchange.request)
  const text = `You said ${(body.match(PLACEHOLDER) ?? []).join(" and ")}!`
  const isStream = at(JSON.parse(body), "stream") === true
  await (isStream ? stream(sample.frames(text.match(/[\s\S]{1,3}/gu) ?? [])) : reply(sample.unary(text)))(exchange)
}

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(quoting)
  second = (await FakeUpstream.start()).otherwise(quoting)
  gate = await startGateway(
    {
      upstreams: { upstream, second },
      configure: (config) => {
        translating(config, ["upstream"], RESTORING)
        const targets = config.models["default"]!["targets"]
        const group = (piiFilter: object): Record<string, unknown> => ({
          strategy: "failover",
          targets,
          pii_filter: { enabled: true, ...piiFilter },
        })
        config.models["redacting"] = group({ rules: RULES })
        config.models["restoring"] = group(RESTORING.pii_filter)
        config.models["blocking"] = group({ mode: "fail_on_match" })
        config.models["few"] = group({ max_replacements_per_request: 2 })
        config.models["off"] = { strategy: "failover", targets, pii_filter: { enabled: false } }
        config.server["diagnostics"] = { enabled: true }
        config.server["decision_telemetry"] = { enabled: true }
        allowAll(config)
        config.callers = config.callers.map((caller) => ({ ...caller, metrics_admin: true }))
      },
    },
    { log: { info: note, warn: note, error: note } },
  )
})
afterAll(async () => {
  await gate[Symbol.asyncDispose]()
  await upstream.stop()
  await second.stop()
})

let count = 0
const marker = (): string => `<mark ${++count}>`

function request(dialect: Dialect, model: string, text: string, isStream: boolean, extra: object = {}): string {
  return SAMPLES[dialect].request({ model, text, stream: isStream, extra: { ...extra } })
}

const asText = (value: unknown): string => (typeof value === "string" ? value : "")

/** The words of an answer, put together as a client does. */
function wordsOf(dialect: Dialect, isStream: boolean, text: string): string {
  const events = isStream
    ? text
        .split("\n")
        .filter((line) => line.startsWith("data: {"))
        .map((line) => JSON.parse(line.slice(6)) as unknown)
    : [JSON.parse(text) as unknown]
  const paths: Readonly<Record<Dialect, readonly (readonly (string | number)[])[]>> = {
    chat: [["choices", 0, isStream ? "delta" : "message", "content"]],
    responses: isStream ? [["delta"]] : [["output", 0, "content", 0, "text"]],
    messages: isStream ? [["delta", "text"]] : [["content", 0, "text"]],
  }
  return events.map((event) => paths[dialect].map((way) => asText(at(event, ...way))).join("")).join("")
}

const WAYS = ALL_PAIRS.flatMap(([client, target]) =>
  [false, true].map((isStream) => [client, target, isStream] as const),
)

test.each(WAYS)(
  "%s to %s, streamed %p: the upstream reads placeholders, the client its own words",
  async (client, target, isStream) => {
    const mark = marker()
    const text = `${mark} mail ${MAIL}, call ${PHONE}, ask ${STAFF}, mail ${MAIL}`
    const answer = await gate.call(client, request(client, groupOf("upstream", target), text, isStream))
    expect(answer.status).toBe(200)
    const sent = bodyText(upstream.received(mark)[0]!.request)
    for (const secret of SECRETS) expect(sent).not.toContain(secret)
    const [mail, phone, staff, again] = sent.match(PLACEHOLDER) ?? []
    expect([mail?.slice(0, 7), phone?.slice(0, 7), staff?.slice(0, 7), again]).toEqual([
      "[EMAIL_",
      "[PHONE_",
      "[STAFF_",
      mail,
    ])
    expect(wordsOf(client, isStream, answer.text)).toBe(`You said ${MAIL} and ${PHONE} and ${STAFF} and ${MAIL}!`)
    expect(answer.text).not.toMatch(PLACEHOLDER)
  },
)

test.each(DIALECTS.flatMap((dialect) => [false, true].map((isStream) => [dialect, isStream] as const)))(
  "%s, streamed %p: without restoration the answer keeps its placeholders, and the next request says them again",
  async (dialect, isStream) => {
    const mark = marker()
    const answer = await gate.call(dialect, request(dialect, "redacting", `${mark} mail ${MAIL}`, isStream))
    const words = wordsOf(dialect, isStream, answer.text)
    expect(words).toMatch(/^You said \[EMAIL_[B-Z]{10}\]!$/)
    await gate.call(dialect, request(dialect, "redacting", `${mark} you said: ${words} mail ${MAIL}`, isStream))
    const [first = "", next = ""] = upstream.received(mark).map((one) => bodyText(one.request))
    const [placeholder = ""] = first.match(PLACEHOLDER) ?? []
    expect(next.match(PLACEHOLDER)).toEqual([placeholder, placeholder])
  },
)

test.each(drawn(DIALECTS))(
  "%s: a body in which nothing is found, and a group without a filter, keep every byte",
  async (dialect) => {
    for (const model of ["restoring", "off"]) {
      const mark = marker()
      const body = request(dialect, model, `${mark} \\u00e9 nothing [here]`, false).replace('"model":', '"model" :  ')
      const { text } = await gate.call(dialect, body)
      const sent = bodyText(upstream.received(mark)[0]!.request)
      expect(sent).toBe(body.replace(JSON.stringify(model), JSON.stringify("vendor/model-1")))
      expect(text).toBe(SAMPLES[dialect].unary("You said !"))
    }
  },
)

test.each(drawn(DIALECTS))(
  "%s: a target that fails, and the one after it, read the same placeholders",
  async (dialect) => {
    const mark = marker()
    upstream.plan(mark, resetAtOnce, resetAtOnce, resetAtOnce)
    const answer = await gate.call(dialect, request(dialect, "restoring", `${mark} mail ${MAIL}`, true))
    expect(wordsOf(dialect, true, answer.text)).toBe(`You said ${MAIL}!`)
    const sent = [...upstream.received(mark), ...second.received(mark)].map((one) => bodyText(one.request))
    expect(sent.length).toBeGreaterThan(1)
    expect(new Set(sent.flatMap((body) => body.match(PLACEHOLDER) ?? [])).size).toBe(1)
    for (const body of sent) expect(body).not.toContain(MAIL)
  },
)

test.each(drawn(DIALECTS))(
  "%s: what must not be there, or is too much, is refused before anything is sent",
  async (dialect) => {
    const before = upstream.exchanges.length + second.exchanges.length
    const text = `${MAIL}, ${PHONE} and bob@example.com`
    for (const isStream of [false, true]) {
      const blocked = await gate.call(dialect, request(dialect, "blocking", text, isStream))
      expectError(blocked, dialect, 400, "pii-filter-blocked")
      expect(at(parsed(blocked), "error", "details", "detectors")).toEqual({ email: 2, phone: 1 })
      expect(blocked.headers.get("x-should-retry")).toBe("false")
      const few = await gate.call(dialect, request(dialect, "few", text, isStream))
      expectError(few, dialect, 400, "pii-filter-blocked")
      for (const answer of [blocked, few]) for (const secret of SECRETS) expect(answer.text).not.toContain(secret)
      const [row] = gate.records.usage(blocked.headers.get("x-request-id") ?? "")
      expect(row).toMatchObject({
        pii_filter_applied: 1,
        pii_filter_mode: "fail_on_match",
        pii_filter_replacements: 3,
        pii_filter_rule_count: 7,
        error: "pii-filter-blocked",
        attempts: 0,
      })
    }
    expect(upstream.exchanges.length + second.exchanges.length).toBe(before)
    expect((await gate.call(dialect, request(dialect, "blocking", "nothing", false))).status).toBe(200)
  },
)

test("signed thinking with personal data is refused with a code of its own", async () => {
  const signed = { type: "thinking", thinking: `mail ${MAIL}`, signature: "c2ln" }
  const messages = [
    { role: "user", content: "hello" },
    { role: "assistant", content: [signed, { type: "text", text: "Hi" }] },
    { role: "user", content: "go on" },
  ]
  const answer = await gate.call("messages", request("messages", "redacting", "", false, { messages }))
  expectError(answer, "messages", 400, "pii-filter-sealed")
  expect(answer.text).not.toContain(MAIL)
})

describe("rows and metrics", () => {
  test("a row says how much was found, and of a group without a filter that nothing looked", async () => {
    const found = await gate.call("chat", request("chat", "restoring", `${MAIL} ${STAFF} ${MAIL}`, false))
    const none = await gate.call("chat", request("chat", "off", MAIL, false))
    const rowOf = (answer: typeof found): unknown => gate.records.usage(answer.headers.get("x-request-id") ?? "")[0]
    expect(rowOf(found)).toMatchObject({
      pii_filter_applied: 1,
      pii_filter_mode: "redact_and_restore",
      pii_filter_replacements: 3,
      pii_filter_rule_count: 9,
    })
    expect(rowOf(none)).toMatchObject({ pii_filter_applied: 0, pii_filter_mode: null, pii_filter_replacements: null })
    const { text } = await get(gate, "/metrics")
    expect(text).toMatch(/smart_router_pii_matches_total\{group="restoring",detector="staff"[^}]*\} \d/)
    expect(text).toMatch(/smart_router_pii_matches_total\{group="restoring",detector="email"[^}]*\} \d/)
  })
})

describe("large requests", () => {
  const filler = "Lorem ipsum dolor sit amet, consectetur adipiscing elit. ".repeat(1000)

  test.each<[string, number, number]>([
    ["many texts", 8, 1],
    ["one text that is no work for the event loop", 1, 4],
    ["a body for the thread", 1, 40],
  ])("%s", async (_name, texts, times) => {
    const mark = marker()
    const said = Array.from({ length: texts }, (_, index) => ({
      role: "user",
      content: `${mark} ${filler.repeat(times)} mail ${MAIL} and ${STAFF} number ${index}`,
    }))
    const answer = await gate.call("chat", request("chat", "restoring", "", true, { messages: said }))
    const sent = bodyText(upstream.received(mark)[0]!.request)
    for (const secret of SECRETS) expect(sent).not.toContain(secret)
    expect(sent.match(PLACEHOLDER)).toHaveLength(2 * texts)
    expect(wordsOf("chat", true, answer.text)).toContain(`You said ${MAIL} and ${STAFF}`)
  })

  test("a large answer, whole and as one event, is restored as well", async () => {
    for (const isStream of [false, true]) {
      for (const dialect of DIALECTS) {
        const mark = marker()
        upstream.plan(mark, async (exchange) => {
          const [placeholder = ""] = bodyText(exchange.request).match(PLACEHOLDER) ?? []
          const words = `${placeholder} ${filler.repeat(4)} ${placeholder.slice(0, 4)}`
          const sample = sampleFor(exchange.request)
          await (
            isStream
              ? stream(sample.frames([words, placeholder.slice(4)]))
              : reply(sample.unary(words + placeholder.slice(4)))
          )(exchange)
        })
        const answer = await gate.call(
          dialect,
          request(dialect, groupOf("upstream", dialect), `${mark} ${MAIL}`, isStream),
        )
        expect(wordsOf(dialect, isStream, answer.text)).toBe(`${MAIL} ${filler.repeat(4)} ${MAIL}`)
      }
    }
  })
})

test("arguments of tools have the originals back, escaped as JSON wants it", async () => {
  const mark = marker()
  upstream.plan(mark, async (exchange) => {
    const [placeholder = ""] = bodyText(exchange.request).match(PLACEHOLDER) ?? []
    const head = { id: "c", object: "chat.completion.chunk", created: 1, model: "m" }
    const event = (delta: object, finish: string | null = null): string =>
      `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
    const args = `{"to":"${placeholder}"}`
    const pieces = [args.slice(0, 10), args.slice(10, 13), args.slice(13)]
    const call = (text: string, more: object = {}): object => ({
      tool_calls: [{ index: 0, ...more, function: { name: "send", arguments: text } }],
    })
    await stream([
      event(call("", { id: "call_1", type: "function" })),
      ...pieces.map((text) => event(call(text))),
      event({}, "tool_calls"),
      "data: [DONE]\n\n",
    ])(exchange)
  })
  const tools = [
    {
      type: "function",
      function: { name: "send", parameters: { type: "object", properties: { to: { type: "string" } } } },
    },
  ]
  const answer = await gate.call(
    "chat",
    request("chat", groupOf("upstream", "chat"), `${mark} to ${QUOTED}`, true, { tools }),
  )
  const argumentsAt = ["choices", 0, "delta", "tool_calls", 0, "function", "arguments"]
  const deltas = answer.text.split("\n").filter((line) => line.startsWith("data: {"))
  const args = deltas.map((line) => asText(at(JSON.parse(line.slice(6)), ...argumentsAt))).join("")
  expect(JSON.parse(args)).toEqual({ to: QUOTED })
})

test("tokens are counted of the request without personal data", async () => {
  const mark = marker()
  upstream.plan(mark, reply('{"input_tokens":42}'))
  const body = request("messages", "redacting", `${mark} ${MAIL}`, false)
  const answer = await fetch(`${gate.url}/v1/messages/count_tokens`, {
    method: "POST",
    headers: { "x-api-key": gate.token, "content-type": "application/json", "anthropic-version": "2023-06-01" },
    body,
  })
  expect(await answer.json()).toEqual({ input_tokens: 42 })
  expect(bodyText(upstream.received(mark)[0]!.request)).not.toContain(MAIL)
})

test("an answer in the background is asked for without personal data, and leaves its placeholders when it is read later", async () => {
  const mark = marker()
  let placeholder = ""
  upstream.plan(mark, async (exchange) => {
    ;[placeholder = ""] = bodyText(exchange.request).match(PLACEHOLDER) ?? []
    const made = JSON.parse(SAMPLES.responses.unary(`for ${placeholder}`)) as object
    await reply(JSON.stringify({ ...made, id: "resp_later", status: "queued", output: [], usage: null }))(exchange)
  })
  const model = groupOf("upstream", "responses")
  const begun = await gate.call(
    "responses",
    request("responses", model, `${mark} ${MAIL}`, false, { background: true, store: true }),
  )
  expect(begun.status).toBe(200)
  upstream.plan("/responses/resp_later", async (exchange) => {
    const made = JSON.parse(SAMPLES.responses.unary(`for ${placeholder}`)) as object
    await reply(JSON.stringify({ ...made, id: "resp_later", status: "completed" }))(exchange)
  })
  const later = await get(gate, "/v1/responses/resp_later")
  expect(later.text).toContain(placeholder)
  expect(later.text).not.toContain(MAIL)
})

describe("the vendors' own clients", () => {
  test("openai: Chat and Responses, streamed", async () => {
    const client = new OpenAI({ baseURL: `${gate.url}/v1`, apiKey: gate.token, maxRetries: 0 })
    const chat = client.chat.completions.stream({
      model: "restoring",
      messages: [{ role: "user", content: `mail ${MAIL}` }],
    })
    expect((await chat.finalChatCompletion()).choices[0]?.message.content).toBe(`You said ${MAIL}!`)
    const responses = client.responses.stream({ model: "restoring", input: `mail ${MAIL}` })
    expect((await responses.finalResponse()).output_text).toBe(`You said ${MAIL}!`)
  })

  test("anthropic: Messages, streamed and whole", async () => {
    const client = new Anthropic({ baseURL: gate.url, apiKey: gate.token, maxRetries: 0 })
    const ask = { model: "restoring", max_tokens: 100, messages: [{ role: "user" as const, content: `mail ${MAIL}` }] }
    expect(await client.messages.stream(ask).finalText()).toBe(`You said ${MAIL}!`)
    const [block] = (await client.messages.create(ask)).content
    expect(block).toMatchObject({ type: "text", text: `You said ${MAIL}!` })
  })
})

test("nothing that was matched stands in a row, a log, a metric or any other file", async () => {
  const { text } = await get(gate, "/metrics")
  await gate.stop()
  for (const secret of SECRETS) {
    expect(text).not.toContain(secret)
    expect(JSON.stringify(logged)).not.toContain(secret)
  }
  expect(gate.records.usage().length).toBeGreaterThan(50)
  expect(gate.records.leaks(SECRETS)).toEqual([])
})
