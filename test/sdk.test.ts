/** The vendors' own clients as referees: what the router passes or says itself, they accept and understand. */
import Anthropic from "@anthropic-ai/sdk"
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import OpenAI from "openai"
import { cutEvery, reply, stream } from "./helpers/behaviours.ts"
import { callerEntry, newToken } from "./helpers/config.ts"
import { REQUEST_ID } from "./helpers/expectations.ts"
import { FakeUpstream } from "./helpers/fake-upstream.ts"
import type { Gateway } from "./helpers/gateway.ts"
import { startGateway } from "./helpers/gateway.ts"
import type { Recording } from "./helpers/recordings.ts"
import { answerBytes, RECORDINGS_MISSING, recordingsOf } from "./helpers/recordings.ts"
import { drawn, sampledByKind } from "./helpers/sample.ts"
import type { Dialect } from "./helpers/samples.ts"
import { DIALECTS, SAMPLES } from "./helpers/samples.ts"
import { at } from "./helpers/streams.ts"
import { vendorAnswer } from "./helpers/vendor.ts"

const suspended = newToken("suspended")
let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer("Hello from afar"))
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.callers.push(callerEntry("suspended", suspended, ["default"], { status: "suspended" }))
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

function openai(apiKey = gateway.token, base = gateway.url): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${base}/v1`, maxRetries: 0 })
}

function anthropic(apiKey = gateway.token, base = gateway.url): Anthropic {
  return new Anthropic({ apiKey, baseURL: base, maxRetries: 0 })
}

/** What a client makes of a call: its result, or the error that it threw. */
type Outcome = { readonly result: unknown } | { readonly error: string }

async function outcomeOf(run: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { result: JSON.parse(JSON.stringify((await run()) ?? null)) as unknown }
  } catch (failure) {
    return { error: failure instanceof Error ? `${failure.constructor.name}: ${failure.message}` : String(failure) }
  }
}

/** Runs a call with the vendor's client and its accumulator. */
const CLIENTS: Readonly<
  Record<Dialect, (base: string, token: string, text: string, streamed: boolean) => Promise<unknown>>
> = {
  chat: async (base, token, text, streamed) => {
    const { completions } = openai(token, base).chat
    const messages = [{ role: "user" as const, content: text }]
    if (!streamed) return completions.create({ model: "default", messages })
    const options = { stream_options: { include_usage: true } }
    return completions.stream({ model: "default", messages, ...options }).finalChatCompletion()
  },
  responses: async (base, token, text, streamed) => {
    const { responses } = openai(token, base)
    return streamed
      ? responses.stream({ model: "default", input: text }).finalResponse()
      : responses.create({ model: "default", input: text })
  },
  messages: async (base, token, text, streamed) => {
    const body = { model: "default", max_tokens: 64, messages: [{ role: "user" as const, content: text }] }
    const { messages } = anthropic(token, base)
    return streamed ? messages.stream(body).finalMessage() : messages.create(body)
  },
}

describe.each(drawn(DIALECTS))("the official client of %s", (dialect) => {
  test.each([false, true])("gets text, usage and stop reason (streamed: %p)", async (streamed) => {
    const result = await CLIENTS[dialect](gateway.url, gateway.token, `plain <${dialect}>`, streamed)
    expect(JSON.stringify(result)).toContain("Hello from afar")
    const usage = at(result, "usage")
    expect(at(usage, "input_tokens") ?? at(usage, "prompt_tokens")).toBe(11)
    expect(at(usage, "output_tokens") ?? at(usage, "completion_tokens")).toBe(7)
  })

  test("takes a stream that breaks after content for an error, never for an answer", async () => {
    const sample = SAMPLES[dialect]
    const marker = `broken <${dialect}>`
    upstream.plan(marker, stream([...sample.frames().slice(0, sample.framesBeforeContent + 1), { end: "reset" }]))
    const outcome = await outcomeOf(async () => CLIENTS[dialect](gateway.url, gateway.token, marker, true))
    expect(outcome).toHaveProperty("error")
    if (dialect === "responses") expect(at(outcome, "error")).toStartWith("APIError: The upstream failed.")
  })
})

/** Errors as the clients see them. */
async function thrown(run: () => Promise<unknown>): Promise<unknown> {
  try {
    await run()
  } catch (failure) {
    return failure
  }
  throw new Error("nothing was thrown")
}

const OPENAI_ERRORS = [
  [
    "an unknown token",
    401,
    OpenAI.AuthenticationError,
    "unauthorized",
    (dialect: Dialect) => CLIENTS[dialect](gateway.url, newToken(), "x", false),
  ],
  [
    "a suspended one",
    403,
    OpenAI.PermissionDeniedError,
    "key-suspended",
    (dialect: Dialect) => CLIENTS[dialect](gateway.url, suspended, "x", true),
  ],
  [
    "a failing upstream",
    502,
    OpenAI.InternalServerError,
    "upstream-failed",
    (dialect: Dialect) => failing(dialect, 500),
  ],
  [
    "a throttled upstream",
    503,
    OpenAI.InternalServerError,
    "upstream-rate-limited",
    (dialect: Dialect) => failing(dialect, 429),
  ],
] as const

const ANTHROPIC_ERRORS = [
  ["an unknown token", 401, Anthropic.AuthenticationError, "authentication_error", OPENAI_ERRORS[0][4]],
  ["a suspended one", 403, Anthropic.PermissionDeniedError, "permission_error", OPENAI_ERRORS[1][4]],
  ["a failing upstream", 502, Anthropic.InternalServerError, "api_error", OPENAI_ERRORS[2][4]],
  ["a throttled upstream", 503, Anthropic.InternalServerError, "overloaded_error", OPENAI_ERRORS[3][4]],
] as const

async function failing(dialect: Dialect, status: number): Promise<unknown> {
  const marker = `failing <${dialect} ${status}>`
  upstream.plan(marker, reply(SAMPLES[dialect].errorBody("no"), { status }))
  return CLIENTS[dialect](gateway.url, gateway.token, marker, false)
}

for (const dialect of ["chat", "responses"] as const) {
  test.each(OPENAI_ERRORS.map((row) => [...row] as const))(
    `the OpenAI client of ${dialect} sees %s as %d`,
    async (_, status, type, code, run) => {
      const error = await thrown(async () => run(dialect))
      expect(error).toBeInstanceOf(type)
      expect(error).toMatchObject({ status, code, type: code })
      expect(at(error, "requestID")).toMatch(REQUEST_ID)
    },
  )

  test(`the OpenAI client of ${dialect} sees the vendor's own refusal in its words`, async () => {
    const marker = `refused <${dialect}>`
    upstream.plan(
      marker,
      reply(
        SAMPLES[dialect].errorBody("too long", { type: "invalid_request_error", code: "context_length_exceeded" }),
        { status: 400 },
      ),
    )
    const error = await thrown(async () => CLIENTS[dialect](gateway.url, gateway.token, marker, true))
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toMatchObject({ status: 400, type: "invalid_request_error", code: "context_length_exceeded" })
  })
}

test.each(ANTHROPIC_ERRORS.map((row) => [...row] as const))(
  "the Anthropic client sees %s as %d",
  async (_, status, type, name, run) => {
    const error = await thrown(async () => run("messages"))
    expect(error).toBeInstanceOf(type)
    expect(error).toMatchObject({ status, type: name })
    expect(at(error, "requestID")).toMatch(REQUEST_ID)
  },
)

test("the Anthropic client sees the vendor's own refusal in its words", async () => {
  upstream.plan(
    "refused <messages>",
    reply(SAMPLES.messages.errorBody("too long", { type: "invalid_request_error" }), { status: 400 }),
  )
  const error = await thrown(async () => CLIENTS.messages(gateway.url, gateway.token, "refused <messages>", true))
  expect(error).toBeInstanceOf(Anthropic.BadRequestError)
  expect(error).toMatchObject({ status: 400, type: "invalid_request_error" })
  expect(at(error, "message")).toContain("too long")
})

test("the OpenAI client repeats what may pass and leaves alone what may not", async () => {
  const marker = "retried"
  upstream.plan(marker, reply(SAMPLES.chat.errorBody("no"), { status: 500 }), vendorAnswer("second try"))
  const client = openai().withOptions({ maxRetries: 2 })
  const answer = await client.chat.completions.create({
    model: "default",
    messages: [{ role: "user", content: marker }],
  })
  expect(answer.choices[0]?.message.content).toBe("second try")
  const before = upstream.exchanges.length
  const hopeless = openai().withOptions({ maxRetries: 2 })
  await thrown(async () =>
    hopeless.chat.completions.create({ model: "nobody", messages: [{ role: "user", content: "x" }] }),
  )
  expect(upstream.exchanges.length).toBe(before)
}, 200_000)

test("both clients page through the list of models", async () => {
  const theirs: string[] = []
  for await (const model of openai().models.list()) theirs.push(model.id)
  expect(theirs).toEqual(["default"])
  expect((await openai().models.retrieve("default")).id).toBe("default")
  const ours: string[] = []
  for await (const model of anthropic().models.list({ limit: 1 })) ours.push(model.id)
  expect(ours).toEqual(["default"])
  expect((await anthropic().models.retrieve("default")).id).toBe("default")
})

test("an aborted stream is cancelled upstream", async () => {
  const sample = SAMPLES.messages
  upstream.plan("abandoned", stream([...sample.frames().slice(0, 3), { end: "stall" }]))
  const running = anthropic().messages.stream({
    model: "default",
    max_tokens: 8,
    messages: [{ role: "user", content: "abandoned" }],
  })
  running.on("error", () => undefined)
  running.on("text", () => running.abort())
  expect(await thrown(async () => running.finalMessage())).toBeInstanceOf(Anthropic.APIUserAbortError)
  await (
    await upstream.arrival("abandoned")
  ).left
})

const REFEREED = sampledByKind(
  DIALECTS.flatMap((dialect) =>
    recordingsOf(dialect).filter(
      ({ features, status }) => status === 200 && !features.some((feature) => /^(?:error_in|malformed)/u.test(feature)),
    ),
  ),
  ({ dialect, stream: streamed }) => [`${dialect} ${streamed}`],
  36,
)

describe.skipIf(RECORDINGS_MISSING)(
  "the official client makes the same of a recording through the router as directly:",
  () => {
    test.each(REFEREED.map((recording) => [recording.name, recording] as const))(
      "%s",
      async (_, recording: Recording) => {
        const { dialect } = recording
        const marker = `referee <${recording.name}>`
        const bytes = answerBytes(recording)
        const pieces = cutEvery(bytes, Math.max(1, Math.ceil(bytes.length / 11)))
        upstream.plan(marker, recording.stream ? stream(pieces) : reply(bytes))
        const [direct, routed] = await Promise.all([
          outcomeOf(async () => CLIENTS[dialect](upstream.url, "none", marker, recording.stream)),
          outcomeOf(async () => CLIENTS[dialect](gateway.url, gateway.token, marker, recording.stream)),
        ])
        expect(routed).toEqual(direct)
      },
    )
  },
)
