/** Caps, counts and options that nobody means: a clear 400 or a reservation that holds, and no way round the limits. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { eventually, get, type Answer } from "../../helpers/client.ts"
import { callerEntry, newToken } from "../../helpers/config.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway
const limited = newToken("limited")
const tight = newToken("tight")

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      const spend = { day_usd: 100 }
      config.callers.push(
        callerEntry("limited", limited, ["default"], { quota: { day: { tokens: 2_000_000 } }, spend }),
      )
      config.callers.push(callerEntry("tight", tight, ["default"], { rate: { rpm: 1, concurrent: 1 } }))
    },
  })
})

beforeEach(() => upstream.otherwise(vendorAnswer()))

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

interface Line {
  readonly used: number
  readonly reserved: number
}

async function lines(): Promise<readonly Line[]> {
  return at(JSON.parse((await get(gateway, "/v1/usage", { token: limited })).text), "limits") as readonly Line[]
}

/** `members`: top-level members as they stand in the body. */
function withMembers(dialect: Dialect, members: string, stream = false): string {
  const body = JSON.parse(SAMPLES[dialect].request({ stream })) as Record<string, unknown>
  delete body["max_tokens"]
  if (members.includes("stream_options")) delete body["stream_options"]
  return JSON.stringify(body).replace(/\}$/u, `,${members}}`)
}

async function ask(dialect: Dialect, body: string, token: string): Promise<Answer> {
  return gateway.call(dialect, body, { token })
}

const CAPS: Readonly<Record<Dialect, readonly string[]>> = {
  chat: ["max_tokens", "max_completion_tokens"],
  responses: ["max_output_tokens"],
  messages: ["max_tokens"],
}

const NO_COUNTS = ["-1", "-0.5", "1.5", "1e308", "1e999", "9007199254740993", '"5"', "true", "[]", "{}", '"Infinity"']
const NO_BOUNDS = ["null", "0", "-0", "0e5"]
const TOO_LARGE = ["9007199254740991", "1e15", "3000000"]

for (const dialect of drawn(DIALECTS)) {
  for (const field of CAPS[dialect]) {
    describe(`${dialect} ${field}`, () => {
      test.each(NO_COUNTS)("%s is refused with its path, with limits and without", async (value) => {
        const before = upstream.exchanges.length
        for (const token of [limited, gateway.token]) {
          const answer = await ask(dialect, withMembers(dialect, `"${field}":${value}`), token)
          expectError(answer, dialect, 400, "invalid-request")
          expect(answer.text).toContain(field)
        }
        expect(upstream.exchanges.length).toBe(before)
      })

      test.each(TOO_LARGE)("%s reserves what nobody has", async (value) => {
        const before = upstream.exchanges.length
        for (const stream of [false, true]) {
          const answer = await ask(dialect, withMembers(dialect, `"${field}":${value}`, stream), limited)
          expectError(answer, dialect, 429, "quota-exhausted")
        }
        expect(upstream.exchanges.length).toBe(before)
      })

      test.each(NO_BOUNDS)("%s reserves something, or only fills a cache", async (value) => {
        const answer = await ask(dialect, withMembers(dialect, `"${field}":${value}`), limited)
        expect(answer.status).toBe(200)
        expect((await lines()).map(({ reserved }) => reserved)).toEqual([0, 0])
      })
    })
  }
}

describe("n", () => {
  test.each(["-1", "1.5", "1e308", '"2"', "true", "[]"])("%s is refused", async (value) => {
    const answer = await ask("chat", withMembers("chat", `"n":${value},"max_tokens":5`), limited)
    expectError(answer, "chat", 400, "invalid-request")
    expect(at(parsed(answer), "error", "param")).toBe("n")
  })

  test.each(["9007199254740991", "1e15", "100000"])(
    "%s answers reserve what nobody has, whatever their cap",
    async (value) => {
      for (const cap of ["21", "9007199254740991"]) {
        const answer = await ask("chat", withMembers("chat", `"n":${value},"max_tokens":${cap}`), limited)
        expectError(answer, "chat", 429, "quota-exhausted")
      }
    },
  )

  test("0 and null count as one", async () => {
    for (const value of ["0", "null"])
      expect((await ask("chat", withMembers("chat", `"n":${value},"max_tokens":5`), limited)).status).toBe(200)
  })
})

test.each(['"yes"', "[]", "1", "true"])("stream_options %s is refused", async (value) => {
  const answer = await ask("chat", withMembers("chat", `"stream_options":${value}`, true), limited)
  expectError(answer, "chat", 400, "invalid-request")
  expect(at(parsed(answer), "error", "param")).toBe("stream_options")
})

test.each(["null", "{}", '{"include_usage":"yes"}', '{"include_usage":false}', '{"include_usage":null,"x":[1]}'])(
  "stream_options %s: usage is asked for, booked, and not shown",
  async (value) => {
    const [before] = await lines()
    const answer = await ask("chat", withMembers("chat", `"stream_options":${value}`, true), limited)
    expect(answer.status).toBe(200)
    expect(answer.text).not.toContain("completion_tokens")
    const [after] = await lines()
    expect(after!.used - before!.used).toBe(18)
  },
)

test("a megabyte of escapes is no way to a small estimate, nor to one that stays small", async () => {
  const escapes = "\\u0061".repeat(175_000)
  const body = SAMPLES.chat.request({ text: "MARK", extra: { max_tokens: 5 } }).replace("MARK", escapes)
  expect(body.length).toBeGreaterThan(1_000_000)
  // 24 bytes of escapes are 4 letters, and these are a token
  const usage = { prompt_tokens: 43_750, completion_tokens: 1 }
  upstream.otherwise(reply(JSON.stringify({ ...(JSON.parse(SAMPLES.chat.unary()) as object), usage })))
  for (let round = 0; round < 3; round += 1) {
    const { status, requestId } = await ask("chat", body, limited)
    expect(status).toBe(200)
    expect(gateway.records.usage(requestId)[0]!.estimated_input_tokens).toBeGreaterThan(body.length / 4)
  }
  const plain = SAMPLES.chat.request({ text: "x".repeat(40_000), extra: { max_tokens: 5 } })
  const { requestId } = await ask("chat", plain, limited)
  expect(gateway.records.usage(requestId)[0]!.estimated_input_tokens).toBeGreaterThanOrEqual(10_000)
})

test("a caller at its limits still sees models and its use, and counts tokens; nothing of that is a call", async () => {
  expect((await ask("chat", SAMPLES.chat.request(), tight)).status).toBe(200)
  for (const dialect of DIALECTS)
    expectError(await ask(dialect, SAMPLES[dialect].request(), tight), dialect, 429, "rpm-exceeded")
  for (const path of ["/v1/models", "/v1/models/default", "/v1/usage"])
    for (const { status } of await Promise.all(Array.from({ length: 50 }, () => get(gateway, path, { token: tight }))))
      expect(status).toBe(200)
  // one admission, whatever the path
  for (const [dialect, path] of [
    ["chat", "/chat/completions"],
    ["responses", "/responses"],
    ["messages", "/anthropic/v1/messages"],
    ["messages", "/messages"],
  ] as const)
    expectError(
      await gateway.call(dialect, SAMPLES[dialect].request(), { token: tight, path }),
      dialect,
      429,
      "rpm-exceeded",
    )
  await eventually("nothing is reserved", async () => {
    const { text } = await get(gateway, "/v1/usage", { token: tight })
    const found = at(JSON.parse(text), "limits") as readonly Line[]
    return found.every(({ reserved }) => reserved === 0) && found[1]!.used === 1 ? true : undefined
  })
})
