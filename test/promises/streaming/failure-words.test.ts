/** The words of a failure inside a stream: agents try again by them where that may help, and no library misses the failure. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import OpenAI from "openai"
import { NO_REQUEST_FACTS } from "../../../src/dialects/dialect.ts"
import { DIALECTS as BY_NAME } from "../../../src/dialects/registry.ts"
import type { ErrorCode } from "../../../src/error-catalogue.ts"
import { RouterError } from "../../../src/errors.ts"
import { stream } from "../../helpers/behaviours.ts"
import { readAnswer } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at, framesOf, jsonOf } from "../../helpers/streams.ts"
import { ALL_PAIRS, groupOf, translating } from "../../helpers/translating.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({ upstreams: { upstream }, configure: (config) => translating(config, ["upstream"]) })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

/** An upstream that breaks off when the client has seen the first content. */
function breaksOff(target: Dialect, marker: string): () => void {
  const gate = Promise.withResolvers<void>()
  const frames = SAMPLES[target].frames().slice(0, SAMPLES[target].framesBeforeContent + 1)
  upstream.plan(marker, stream([...frames, { until: gate.promise }, { end: "reset" }]))
  return gate.resolve
}

const lastOf = (text: string): unknown => jsonOf(framesOf(text).at(-1)!)

/** By what agents decide to try again, as their sources have it; by the dialects that they speak. */
const TRIES_AGAIN: Readonly<Record<string, readonly [dialects: readonly Dialect[], (last: unknown) => boolean]>> = {
  "opencode, pi and Cline": [DIALECTS, (last) => /provider returned error/iu.test(messageOf(last))],
  "Continue in Chat": [
    ["chat"],
    (last) => ["server_error", "rate_limit_exceeded"].includes(String(at(last, "error", "type"))),
  ],
  "Continue in Messages": [["messages"], (last) => messageOf(last).includes("premature end")],
  Codex: [
    ["responses"],
    (last) => ["server_error", "rate_limit_exceeded"].includes(String(at(last, "response", "error", "code"))),
  ],
}

const messageOf = (last: unknown): string =>
  String(at(last, "error", "message") ?? at(last, "response", "error", "message"))

function trying(client: Dialect, last: unknown): Readonly<Record<string, boolean>> {
  const spoken = Object.entries(TRIES_AGAIN).filter(([, [dialects]]) => dialects.includes(client))
  return Object.fromEntries(spoken.map(([agent, [, isTold]]) => [agent, isTold(last)]))
}

const all = (client: Dialect, tries: boolean): Readonly<Record<string, boolean>> =>
  Object.fromEntries(Object.keys(trying(client, {})).map((agent) => [agent, tries]))

test.each(drawn(ALL_PAIRS, 3))(
  "%s client, %s target: every agent tries a broken answer again",
  async (client, target) => {
    const marker = `again <${client} ${target}>`
    const resume = breaksOff(target, marker)
    const body = SAMPLES[client].request({ model: groupOf("upstream", target), stream: true, text: marker })
    const answer = await readAnswer(await gateway.open(client, body), (text) => {
      if (text.includes("Hi")) resume()
    })
    const last = lastOf(answer.text)
    expect(trying(client, last)).toEqual(all(client, true))
    expect(messageOf(last)).toContain("The upstream failed.")
    expect(messageOf(last)).toContain(answer.requestId)
  },
)

function told(client: Dialect, error: RouterError): unknown {
  const observer = BY_NAME[SAMPLES[client].configName].createObserver({ ...NO_REQUEST_FACTS, stream: true })
  return lastOf(observer.renderFailure(error, "req_1"))
}

const PASSING: readonly ErrorCode[] = [
  "upstream-timeout",
  "upstream-rate-limited",
  "upstream-capacity-throttled",
  "usage-store-unavailable",
  "shutting-down",
  "internal-error",
  "rpm-exceeded",
]

test.each(DIALECTS.flatMap((client) => PASSING.map((code) => [client, code] as const)))(
  "%s: %s may pass, and agents try again",
  (client, code) => {
    const last = told(client, new RouterError(code))
    expect(trying(client, last)).toEqual(all(client, true))
    const isLimit = ["upstream-rate-limited", "upstream-capacity-throttled", "rpm-exceeded"].includes(code)
    const word = isLimit ? "rate_limit_exceeded" : "server_error"
    if (client === "chat") expect(at(last, "error")).toMatchObject({ type: word, code })
    if (client === "responses") expect(at(last, "response", "error", "code")).toBe(word)
  },
)

const FINAL: readonly ErrorCode[] = [
  "spend-exhausted",
  "output-cap-ignored",
  "routing-policy-error",
  "upstream-refused",
]

test.each(DIALECTS.flatMap((client) => FINAL.map((code) => [client, code] as const)))(
  "%s: %s will not pass, and no agent tries again",
  (client, code) => {
    const last = told(client, new RouterError(code))
    expect(trying(client, last)).toEqual(all(client, false))
    // Codex ends its turn with the message
    if (client === "responses") expect(at(last, "response", "error", "code")).toBe("invalid_prompt")
  },
)

test.each(drawn(DIALECTS))(
  "a Responses client of %s that knows no response.failed sees an error, as LangChain's does",
  async (target) => {
    const marker = `unknown event <${target}>`
    const resume = breaksOff(target, marker)
    const client = new OpenAI({ apiKey: gateway.token, baseURL: `${gateway.url}/v1`, maxRetries: 0 })
    const answer = await client.responses.create({ model: groupOf("upstream", target), input: marker, stream: true })
    let text = ""
    const reading = (async (): Promise<void> => {
      for await (const event of answer) {
        if (event.type !== "response.output_text.delta") continue
        text += event.delta
        resume()
      }
    })()
    const thrown = await reading.catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(OpenAI.APIError)
    expect(thrown).toMatchObject({ code: "server_error", type: "server_error" })
    expect(text).not.toBe("")
  },
)

test.each(drawn(DIALECTS))(
  "a %s target's refusal inside of a stream is an error of OpenAI's library",
  async (target) => {
    const marker = `too long <${target}>`
    const words = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
    const fault = { code: "context_length_exceeded", type: "invalid_request_error", message: words }
    const frames = {
      chat: `data: ${JSON.stringify({ error: fault })}\n\n`,
      responses: `event: error\ndata: ${JSON.stringify({ ...fault, type: "error" })}\n\n`,
      messages: `event: error\ndata: ${JSON.stringify({ type: "error", error: fault })}\n\n`,
    }
    upstream.plan(marker, stream([...SAMPLES[target].frames().slice(0, 3), frames[target]]))
    const client = new OpenAI({ apiKey: gateway.token, baseURL: `${gateway.url}/v1`, maxRetries: 0 })
    const reading = (async (): Promise<void> => {
      const body = { model: groupOf("upstream", target), input: marker, stream: true } as const
      for await (const _event of await client.responses.create(body));
    })()
    const thrown = await reading.catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(OpenAI.APIError)
    expect(thrown).toMatchObject({ code: "context_length_exceeded" })
  },
)
