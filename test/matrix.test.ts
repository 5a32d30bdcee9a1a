/** All nine pairs of client and upstream dialect: what an answer says, how it fails, and failover between dialects. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { accumulate } from "./helpers/accumulate.ts"
import type { Meaning } from "./helpers/answer-meaning.ts"
import { meaningOfBody, meaningOfStream } from "./helpers/answer-meaning.ts"
import { cutEvery, reply, resetAtOnce, stream } from "./helpers/behaviours.ts"
import type { Answer } from "./helpers/client.ts"
import { targetsOf } from "./helpers/config.ts"
import { expectCommonHeaders, expectError, parsed } from "./helpers/expectations.ts"
import type { Behaviour } from "./helpers/fake-upstream.ts"
import { FakeUpstream } from "./helpers/fake-upstream.ts"
import type { Gateway } from "./helpers/gateway.ts"
import { startGateway } from "./helpers/gateway.ts"
import { drawn, sampled, sampledByKind } from "./helpers/sample.ts"
import type { Dialect } from "./helpers/samples.ts"
import { DIALECTS, SAMPLES } from "./helpers/samples.ts"
import type { Scenario } from "./helpers/scenario.ts"
import { FRAMES_BEFORE_CONTENT, SCENARIO_USAGE, streamedAnswer, wholeAnswer } from "./helpers/scenario.ts"
import { at, FAILURE_TERMINAL, framesOf, SUCCESS_TERMINAL, terminalsOf } from "./helpers/streams.ts"
import { ALL_PAIRS, allowAll, FOREIGN_PAIRS, groupOf, translating } from "./helpers/translating.ts"

const CALLS = [
  { id: "call_paris", name: "weather", arguments: '{"city":"Paris","days":2}' },
  { id: "call_time", name: "time", arguments: '{"zone":"Europe/Paris"}' },
] as const

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  text: { text: "Twelve degrees, rain.", stop: "end" },
  "one call": { calls: CALLS.slice(0, 1), stop: "tool-calls" },
  "parallel calls": { calls: CALLS, stop: "tool-calls" },
  "text and calls": { text: "Let me look.", calls: CALLS, stop: "tool-calls" },
  reasoning: { reasoning: "They ask for the weather.", text: "Twelve degrees.", stop: "end" },
  "reasoning and calls": { reasoning: "I need both.", text: "One moment.", calls: CALLS, stop: "tool-calls" },
  "a cut answer": { text: "Twelve deg", stop: "length" },
  "a filtered answer": { text: "I can", stop: "filtered" },
}

let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  first = await FakeUpstream.start()
  second = await FakeUpstream.start()
  gateway = await startGateway({
    upstreams: { first, second },
    configure: (config) => {
      translating(config, ["first", "second"])
      for (const [from, to] of ALL_PAIRS) {
        const targets = [
          ...targetsOf(["first"]).filter(({ provider }) => provider === `first-${from}`),
          ...targetsOf(["second"]).filter(({ provider }) => provider === `second-${to}`),
        ]
        config.models[`${from}-then-${to}`] = { strategy: "failover", targets }
      }
      allowAll(config)
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

function behave(target: Dialect, scenario: Scenario, streamed: boolean): Behaviour {
  if (!streamed) return reply(wholeAnswer(target, scenario))
  return stream(cutEvery(streamedAnswer(target, scenario).join(""), 97))
}

async function ask(client: Dialect, model: string, marker: string, streamed: boolean): Promise<Answer> {
  return gateway.call(client, SAMPLES[client].request({ model, stream: streamed, text: marker }))
}

/** `from`: the dialect of the upstream that answered. */
async function expectAnswer(
  client: Dialect,
  from: Dialect,
  answer: Answer,
  scenario: Scenario,
  streamed: boolean,
): Promise<void> {
  expect({ status: answer.status, broken: answer.broken }).toEqual({ status: 200, broken: false })
  expectCommonHeaders(answer, client)
  // Claude declines by a reason; in the other dialects a refusal is an answer with words of its own
  const isRefusal = from === "messages" && client !== "messages" && scenario.stop === "filtered"
  const wanted: Meaning = {
    text: scenario.text ?? "",
    refusal: isRefusal ? "The model declined to answer this request." : "",
    reasoning: scenario.reasoning ?? "",
    calls: (scenario.calls ?? []).map((call) => ({ ...call, arguments: JSON.parse(call.arguments) as unknown })),
    stop: isRefusal && client === "chat" ? "end" : scenario.stop,
  }
  if (!streamed) {
    expect(meaningOfBody(client, parsed(answer))).toEqual(wanted)
    return
  }
  expect(meaningOfStream(client, answer.text)).toEqual(wanted)
  const isShort = client === "responses" && !isRefusal && ["length", "filtered"].includes(scenario.stop)
  expect(terminalsOf(client, answer.text)).toEqual([isShort ? "response.incomplete" : SUCCESS_TERMINAL[client]])
  const accumulated = meaningOfBody(client, await accumulate(client, answer.bytes))
  expect(client === "chat" ? { ...accumulated, reasoning: wanted.reasoning } : accumulated).toEqual(wanted)
}

function usageSeen(client: Dialect, answer: Answer, streamed: boolean): unknown {
  const objects = streamed
    ? framesOf(answer.text).map(({ data }) => JSON.parse(data === "[DONE]" ? "{}" : (data ?? "{}")))
    : [parsed(answer)]
  const usage = objects
    .map((object) => at(object, "response", "usage") ?? at(object, "usage"))
    .findLast((value) => value !== undefined && value !== null)
  if (client === "chat")
    return {
      input: at(usage, "prompt_tokens"),
      cached: at(usage, "prompt_tokens_details", "cached_tokens"),
      output: at(usage, "completion_tokens"),
    }
  if (client === "responses")
    return {
      input: at(usage, "input_tokens"),
      cached: at(usage, "input_tokens_details", "cached_tokens"),
      output: at(usage, "output_tokens"),
    }
  const cached = Number(at(usage, "cache_read_input_tokens"))
  return { input: Number(at(usage, "input_tokens")) + cached, cached, output: at(usage, "output_tokens") }
}

interface Told {
  readonly client: Dialect
  readonly target: Dialect
  readonly streamed: boolean
  readonly name: string
}

/** This run's answers: each scenario for each client, both ways, and each pair of dialects. */
const TOLD: readonly Told[] = sampledByKind(
  ALL_PAIRS.flatMap(([client, target]) =>
    [false, true].flatMap((streamed) => Object.keys(SCENARIOS).map((name) => ({ client, target, streamed, name }))),
  ),
  ({ client, target, streamed, name }) => [
    `${client} ${streamed} ${name}`,
    `${target} ${streamed} ${name}`,
    `${client} ${target} ${streamed}`,
  ],
  40,
)

for (const [client, target] of drawn(ALL_PAIRS, 3)) {
  describe(`a ${client} client of a ${target} upstream`, () => {
    for (const streamed of [false, true]) {
      const kind = streamed ? "streamed" : "unary"
      const told = TOLD.filter((one) => one.client === client && one.target === target && one.streamed === streamed)
      test.each(told.map(({ name }) => name))(`gets the meaning of a ${kind} answer: %s`, async (name) => {
        const scenario = SCENARIOS[name]!
        const marker = `answered <${client} ${target} ${kind} ${name}>`
        first.plan(marker, behave(target, scenario, streamed))
        const answer = await ask(client, groupOf("first", target), marker, streamed)
        await expectAnswer(client, target, answer, scenario, streamed)
        expect(usageSeen(client, answer, streamed)).toEqual(SCENARIO_USAGE)
        const [row] = gateway.records.usage(answer.requestId)
        expect(row).toMatchObject({
          status: 200,
          inbound_dialect: SAMPLES[client].configName,
          target_dialect: SAMPLES[target].configName,
          input_tokens: 11,
          cached_input_tokens: 4,
          output_tokens: 7,
          reasoning_tokens: 3,
          usage_source: "provider",
          error: null,
        })
        expect(row?.total_cost_nano_usd).toBe(7 * 3000 + 4 * 300 + 7 * 15_000)
      })

      test(`gets the vendor's refusal of a ${kind} request with its status and words`, async () => {
        const marker = `refused <${client} ${target} ${kind}>`
        const words = `prompt is too long: 7 > 5 (see ${first.url}/limits)`
        const body = SAMPLES[target].errorBody(words, {
          type: "invalid_request_error",
          code: "too_long",
          param: "input",
        })
        first.plan(marker, reply(body, { status: 400 }))
        const answer = await ask(client, groupOf("first", target), marker, streamed)
        expect(answer.status).toBe(400)
        expect(answer.headers.get("x-should-retry")).toBe("false")
        const error = at(parsed(answer), "error")
        expect(String(at(error, "message"))).toStartWith("prompt is too long: 7 > 5 (see [masked]")
        expect(at(error, "type")).toBe("invalid_request_error")
        // agents of OpenAI's dialects compact a conversation by this code
        const code = client === target || client === "messages" ? "too_long" : "context_length_exceeded"
        if (target !== "messages") expect([at(error, "code"), at(error, "param")]).toEqual([code, "input"])
        if (client === "messages") expect(at(parsed(answer), "type")).toBe("error")
        expect(answer.text).not.toContain(first.url.replace("http://", ""))
      })

      test(`gets other failures of a ${kind} request as the catalogue's, in its own shape`, async () => {
        const cases = [
          [500, 502, "upstream-failed"],
          [429, 503, "upstream-rate-limited"],
          [401, 503, "upstream-access-denied"],
        ] as const
        for (const [status, shown, code] of cases) {
          const marker = `failing ${status} <${client} ${target} ${kind}>`
          first.plan(marker, reply(SAMPLES[target].errorBody("no"), { status }))
          expectError(await ask(client, groupOf("first", target), marker, streamed), client, shown, code)
        }
      })
    }

    test("gets exactly one end, and one row, of a stream that is cut after any frame", async () => {
      const frames = streamedAnswer(target, SCENARIOS["text and calls"]!)
      for (const count of sampled(frames.keys().toArray(), 6)) {
        const marker = `cut ${count} <${client} ${target}>`
        first.plan(marker, stream([...frames.slice(0, count), { end: "close" }]))
        const answer = await ask(client, groupOf("first", target), marker, true)
        expect(gateway.records.usage(answer.requestId)).toHaveLength(1)
        if (answer.status !== 200) {
          expectError(answer, client, 502, "upstream-failed")
          expect(count).toBeLessThanOrEqual(FRAMES_BEFORE_CONTENT[target])
          continue
        }
        expect([count, terminalsOf(client, answer.text)]).toEqual([count, [FAILURE_TERMINAL[client]]])
        expect(gateway.records.usage(answer.requestId)).toMatchObject([{ status: 502, error: "upstream-failed" }])
      }
    })

    test("gets an error inside of the stream once, in its own shape and without the vendor's words", async () => {
      const marker = `inside <${client} ${target}>`
      const frames = streamedAnswer(target, SCENARIOS["text"]!).slice(0, FRAMES_BEFORE_CONTENT[target] + 1)
      first.plan(marker, stream([...frames, SAMPLES[target].errorFrame]))
      const answer = await ask(client, groupOf("first", target), marker, true)
      expect(answer.status).toBe(200)
      expect(terminalsOf(client, answer.text)).toEqual([FAILURE_TERMINAL[client]])
      expect(answer.text).toContain(answer.requestId)
      expect(answer.text.toLowerCase()).not.toContain("overloaded")
      expect(answer.text).toContain("Twelve")
    })
  })
}

/** What a first target does before it has shown any content. */
function early(target: Dialect, streamed: boolean): Readonly<Record<string, Behaviour>> {
  const start = streamedAnswer(target, SCENARIOS["text"]!).slice(0, FRAMES_BEFORE_CONTENT[target])
  return {
    "status 500": reply(SAMPLES[target].errorBody("no"), { status: 500 }),
    reset: resetAtOnce,
    "an error with 200": reply(SAMPLES[target].errorBody("broken")),
    ...(streamed
      ? {
          "an error event after the preamble": stream([...start, SAMPLES[target].errorFrame]),
          "an early end": stream([...start, { end: "close" }]),
        }
      : {}),
  }
}

interface Moved {
  readonly client: Dialect
  readonly from: Dialect
  readonly to: Dialect
  readonly streamed: boolean
  readonly name: string
}

/** This run's moves: each way to fail of each dialect, and each of the ways between two. */
const MOVED: readonly Moved[] = sampledByKind(
  FOREIGN_PAIRS.flatMap(([client, other]) => {
    const third = DIALECTS.find((dialect) => dialect !== client && dialect !== other)!
    const ways = [
      [client, other],
      [other, client],
      [other, third],
    ] as const
    return ways.flatMap(([from, to]) =>
      [false, true].flatMap((streamed) =>
        Object.keys(early(from, streamed)).map((name): Moved => ({ client, from, to, streamed, name })),
      ),
    )
  }),
  ({ client, from, to, streamed, name }) => [
    `${client} ${from} ${to}`,
    `${from} ${streamed} ${name}`,
    `${to} ${streamed}`,
  ],
  24,
)

describe("failover across dialects before the first content", () => {
  const titled = MOVED.map((one) => {
    const { client, from, to, streamed, name } = one
    return [`${client} client, ${from} then ${to}, ${streamed ? "streamed" : "unary"}: ${name}`, one] as const
  })
  test.each(titled)("hides the first failure of a %s", async (title, { client, from, to, streamed, name }) => {
    const scenario = SCENARIOS["reasoning and calls"]!
    const marker = `moved <${title}>`
    first.plan(marker, early(from, streamed)[name]!)
    second.plan(marker, behave(to, scenario, streamed))
    const answer = await ask(client, `${from}-then-${to}`, marker, streamed)
    await expectAnswer(client, to, answer, scenario, streamed)
    const attempts = gateway.records.attempts(answer.requestId)
    expect(gateway.records.usage(answer.requestId)).toMatchObject([
      {
        status: 200,
        attempts: attempts.length,
        fallback_used: 1,
        target_dialect: SAMPLES[to].configName,
        error: null,
      },
    ])
    // a reset may meet a kept connection, which is tried once more
    expect(attempts.filter(({ error_class }) => error_class !== "stale_connection")).toMatchObject([
      { provider: `first-${from}`, dialect: SAMPLES[from].configName, selected: 0 },
      { provider: `second-${to}`, dialect: SAMPLES[to].configName, selected: 1 },
    ])
  })
})
