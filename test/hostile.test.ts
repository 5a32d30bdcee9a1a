/** Input that means harm or is broken: a clear answer in the client's dialect, and the process goes on as if nothing had been. */
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test"
import type { ErrorCode } from "../src/error-catalogue.ts"
import { call, get } from "./helpers/client.ts"
import { newToken } from "./helpers/config.ts"
import { expectError, parsed } from "./helpers/expectations.ts"
import { FakeUpstream } from "./helpers/fake-upstream.ts"
import type { Gateway } from "./helpers/gateway.ts"
import { startGateway } from "./helpers/gateway.ts"
import type { RawClient } from "./helpers/raw-client.ts"
import { answersIn, connectRaw, requestBytes } from "./helpers/raw-client.ts"
import { drawn, sampled, sampledByKind } from "./helpers/sample.ts"
import type { Dialect } from "./helpers/samples.ts"
import { ALL_SAMPLES, DIALECTS, SAMPLES } from "./helpers/samples.ts"
import { at } from "./helpers/streams.ts"
import { vendorAnswer } from "./helpers/vendor.ts"

/** Stands in every hostile body: it must never be seen in an answer, the log or the database. */
const MARK = "hostile-mark-7d1f"
let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({ upstreams: { upstream } })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

afterEach(async () => {
  const sample = SAMPLES.chat
  expect((await gateway.call("chat", sample.request({ text: "a good call" }))).text).toBe(sample.unary())
  const reached = upstream.received(MARK).map(({ request }) => request.headerLines)
  upstream.exchanges.length = 0
  expect(reached).toEqual([])
})

async function refused(
  dialect: (typeof ALL_SAMPLES)[number]["dialect"],
  body: string | Uint8Array,
  status: number,
  code: ErrorCode,
): Promise<void> {
  const answer = await gateway.call(dialect, body)
  expectError(answer, dialect, status, code)
  expect(answer.text).not.toContain(MARK)
  expect(answer.text.length).toBeLessThan(1000)
}

const BROKEN_JSON: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["white space", " \n\t "],
  ["an open brace", "{"],
  ["a cut body", `{"model":"default","messages":[{"role":"user","content":"${MARK}`],
  ["a trailing comma", `{"model":"default","x":"${MARK}",}`],
  ["a missing comma", `{"model":"default" "x":"${MARK}"}`],
  ["two objects", `{"model":"default"}{"x":"${MARK}"}`],
  ["text behind", `{"model":"default","x":"${MARK}"} and more`],
  ["single quotes", `{'model':'default','x':'${MARK}'}`],
  ["a bare key", `{model:"default","x":"${MARK}"}`],
  ["a comment", `{"model":"default", /* ${MARK} */ "stream":false}`],
  ["NaN", `{"model":"default","x":NaN,"y":"${MARK}"}`],
  ["Infinity", `{"model":"default","x":-Infinity,"y":"${MARK}"}`],
  ["a leading zero", `{"model":"default","x":012,"y":"${MARK}"}`],
  ["a plus", `{"model":"default","x":+1,"y":"${MARK}"}`],
  ["a bare point", `{"model":"default","x":1.,"y":"${MARK}"}`],
  ["half an exponent", `{"model":"default","x":1e,"y":"${MARK}"}`],
  ["a raw control character", `{"model":"default","x":"${MARK}\n"}`],
  ["a raw NUL", `{"model":"default","x":"${MARK}\0"}`],
  ["an unknown escape", `{"model":"default","x":"\\x41 ${MARK}"}`],
  ["half an escape", `{"model":"default","x":"\\u12 ${MARK}"}`],
  ["an unclosed list", `{"model":"default","x":["${MARK}"}`],
  ["a wrong bracket", `{"model":"default","x":["${MARK}"})`],
  ["a misspelt literal", `{"model":"default","x":tru,"y":"${MARK}"}`],
  ["a byte order mark", `\uFEFF{"model":"default","x":"${MARK}"}`],
  ["a form", `model=default&x=${MARK}`],
  ["a no-break space", `{\u00a0"model":"default","x":"${MARK}"}`],
]

const BAD_UTF8: readonly (readonly [string, readonly number[]])[] = [
  ["a lone byte FF", [0xff]],
  ["a lone continuation", [0x80]],
  ["a cut sequence", [0xe2, 0x82]],
  ["an overlong slash", [0xc0, 0xaf]],
  ["an overlong slash of three", [0xe0, 0x80, 0xaf]],
  ["an overlong NUL", [0xc0, 0x80]],
  ["a surrogate", [0xed, 0xa0, 0x80]],
  ["a surrogate pair", [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
  ["beyond Unicode", [0xf4, 0x90, 0x80, 0x80]],
  ["a sequence of five", [0xf8, 0x88, 0x80, 0x80, 0x80]],
]

type Case<Value> = readonly [dialect: Dialect, name: string, value: Value]

/** This run's cases: each row for one dialect at least, each dialect with some rows. */
function acrossDialects<Value>(rows: readonly (readonly [string, Value])[]): readonly Case<Value>[] {
  const cases = DIALECTS.flatMap((dialect) => rows.map(([name, value]): Case<Value> => [dialect, name, value]))
  return sampledByKind(cases, ([dialect, name]) => [dialect, name], rows.length)
}

function ofDialect<Value>(cases: readonly Case<Value>[], dialect: Dialect): readonly Case<Value>[] {
  return cases.filter(([one]) => one === dialect)
}

/** The dialects that get 64 MB in this run. */
const LARGE = sampled(ALL_SAMPLES, 1)
const BROKEN = acrossDialects(BROKEN_JSON)
const BAD = acrossDialects(BAD_UTF8)

for (const sample of drawn(ALL_SAMPLES)) {
  const { dialect } = sample

  const broken = ofDialect(BROKEN, dialect).map(([, name, body]) => [name, body] as const)
  test.each(broken)(`a ${dialect} body with %s is refused as no JSON`, async (_, body) => {
    await refused(dialect, body, 400, "invalid-json")
  })

  test.each(["null", "true", "17", '"default"', "[]", `[{"model":"${MARK}"}]`])(
    `a ${dialect} body %s is refused as no object`,
    async (body) => {
      const answer = await gateway.call(dialect, body)
      expect(["invalid-json", "invalid-request"]).toContain(String(at(parsed(answer), "error", "code")))
      expectError(answer, dialect, 400, at(parsed(answer), "error", "code") as ErrorCode)
    },
  )

  test(`a ${dialect} body of doubly encoded JSON is told apart`, async () => {
    const answer = await gateway.call(dialect, JSON.stringify(sample.request({ text: MARK })))
    expect(answer.status).toBe(400)
    expect(String(at(parsed(answer), "error", "message"))).toMatch(/string|twice|encoded/u)
    expect(answer.text).not.toContain(MARK)
  })

  const bad = ofDialect(BAD, dialect).map(([, name, bytes]) => [name, bytes] as const)
  test.each(bad)(`a ${dialect} body with %s is refused as no UTF-8`, async (_, bytes) => {
    const [head = "", tail = ""] = sample.request({ text: `${MARK}|` }).split("|")
    await refused(
      dialect,
      Buffer.concat([Buffer.from(head), Buffer.from(bytes), Buffer.from(tail)]),
      400,
      "invalid-json",
    )
  })

  test(`nesting in a ${dialect} body has a bound, and 100,000 levels do not hurt`, async () => {
    const nested = (depth: number): string =>
      sample.request().replace(/\}$/u, `,"deep":${"[".repeat(depth)}${"]".repeat(depth)}}`)
    const objects = sample.request().replace(/\}$/u, `,"deep":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}`)
    expect((await gateway.call(dialect, nested(500))).status).toBe(200)
    for (const body of [nested(600), nested(100_000), objects, "[".repeat(100_000), '{"a":'.repeat(100_000)]) {
      const answer = await gateway.call(dialect, body)
      expect(answer.status).toBe(400)
      expect(answer.text.length).toBeLessThan(3000)
    }
  })

  test(`a model of the wrong type or without a value is refused in ${dialect}`, async () => {
    for (const model of ['""', "null", "1", "true", "[]", '["default"]', '{"id":"default"}']) {
      const answer = await gateway.call(dialect, sample.request({ text: MARK }).replace('"default"', model))
      expect({ model, status: answer.status }).toEqual({ model, status: 400 })
      expectError(answer, dialect, 400, at(parsed(answer), "error", "code") as ErrorCode)
      if (dialect !== "messages") expect(at(parsed(answer), "error", "param")).toBe("model")
    }
  })

  test(`absurd model names are only unknown ones in ${dialect}`, async () => {
    for (const model of [
      "../../etc/passwd",
      "default\0",
      "x".repeat(100_000),
      "DEFAULT",
      "hasOwnProperty",
      "💥",
      "'; DROP TABLE request_usage; --",
    ]) {
      await refused(dialect, sample.request({ model, text: MARK }), 403, "model-not-allowed")
    }
  })

  test(`governed keys of the wrong type are refused by name in ${dialect}`, async () => {
    const wrong: Readonly<Record<typeof dialect, readonly (readonly [string, unknown])[]>> = {
      chat: [
        ["stream", "yes"],
        ["stream", 1],
        ["stream_options", []],
        ["n", "1"],
        ["n", -1],
        ["n", 1.5],
        ["max_tokens", "5"],
        ["max_completion_tokens", -5],
      ],
      responses: [
        ["stream", "yes"],
        ["max_output_tokens", "5"],
        ["max_output_tokens", 1.5],
        ["previous_response_id", 7],
      ],
      messages: [
        ["stream", "yes"],
        ["max_tokens", "5"],
        ["max_tokens", -1],
      ],
    }
    for (const [key, value] of wrong[dialect]) {
      const answer = await gateway.call(dialect, sample.request({ text: MARK, extra: { [key]: value } }))
      expectError(answer, dialect, 400, "invalid-request")
      if (dialect !== "messages") expect(at(parsed(answer), "error", "param")).toBe(key)
    }
  })

  test(`${dialect} takes only JSON without an encoding`, async () => {
    const body = sample.request({ text: MARK })
    for (const type of [
      "text/plain",
      "multipart/form-data; boundary=x",
      "application/x-www-form-urlencoded",
      "application/xml",
      "json",
      "",
    ]) {
      const answer = await gateway.call(dialect, body, { headers: { "content-type": type } })
      expectError(answer, dialect, 415, "unsupported-media-type")
    }
    for (const encoding of ["gzip", "br", "deflate", "zstd", "gzip, identity", "nonsense"]) {
      const answer = await gateway.call(dialect, Bun.gzipSync(Buffer.from(body)), {
        headers: { "content-encoding": encoding },
      })
      expectError(answer, dialect, 415, "unsupported-media-type")
    }
    const fine = { "content-type": "Application/JSON; charset=utf-8", "content-encoding": "identity" }
    expect((await gateway.call(dialect, sample.request(), { headers: fine })).status).toBe(200)
    const client = await connectRaw(gateway.url)
    await client.write(requestBytes([`POST ${sample.path} HTTP/1.1`, `Authorization: Bearer ${gateway.token}`], body))
    await client.until(/^HTTP\/1\.1 415 /u)
    client.destroy()
  })

  test.each(LARGE.includes(sample) ? [dialect] : [])(
    "64 MB are too large for %s, announced or not",
    async () => {
      const body = Buffer.alloc(64 * 1024 * 1024, " ")
      body.write(sample.request({ text: MARK }))
      const announced = await gateway.call(dialect, body)
      expectError(announced, dialect, 413, "body-too-large")
      const client = await connectRaw(gateway.url)
      await client.write(requestBytes(lines(sample.path, "Transfer-Encoding: chunked")))
      const chunk = Buffer.concat([Buffer.from("100000\r\n"), body.subarray(0, 0x10_00_00), Buffer.from("\r\n")])
      for (let sent = 0; sent < 64 && answersIn(client.received()).length === 0; sent += 1) await client.write(chunk)
      await client.until(/^HTTP\/1\.1 413 /u)
      client.destroy()
      const boast = await connectRaw(gateway.url)
      await boast.write(requestBytes(lines(sample.path, "Content-Length: 99999999999"), "{"))
      await boast.until(/^HTTP\/1\.1 413 /u)
      boast.destroy()
    },
    200_000,
  )

  test(`absurd tokens are unknown ones in ${dialect}`, async () => {
    const absurd = ["x", "é".repeat(20), "a b c", "\t", newToken().repeat(50), "../../etc/passwd", "' OR 1=1 --", "%00"]
    for (const token of absurd) {
      for (const headers of [
        { authorization: `Bearer ${Buffer.from(token).toString("latin1")}` },
        { "x-api-key": Buffer.from(token).toString("latin1") },
      ]) {
        const answer = await gateway.call(dialect, sample.request({ text: MARK }), {
          token: null,
          headers,
        })
        expectError(answer, dialect, 401, "unauthorized")
      }
    }
  })
}

function lines(path: string, ...more: readonly string[]): readonly string[] {
  return [`POST ${path} HTTP/1.1`, `Authorization: Bearer ${gateway.token}`, "Content-Type: application/json", ...more]
}

/** Sends bytes and waits for an answer or the end of the connection; the statuses that came. */
async function statusesOf(bytes: Uint8Array): Promise<readonly number[]> {
  const client = await connectRaw(gateway.url)
  await client.write(bytes)
  await Promise.race([client.closed, client.until(/HTTP\/1\.[01] \d{3}/u)])
  // a second answer would have come before the answer of a later call
  await get(gateway, "/healthz")
  client.destroy()
  return answersIn(client.received()).map(({ status }) => status)
}

test.each([
  ["two different lengths", ["Content-Length: 5", "Content-Length: 500"]],
  ["a length and chunks", ["Content-Length: 5", "Transfer-Encoding: chunked"]],
  ["chunks and a length", ["Transfer-Encoding: chunked", "Content-Length: 5"]],
  ["a negative length", ["Content-Length: -1"]],
  ["a length of letters", ["Content-Length: many"]],
  ["a length with a sign", ["Content-Length: +5"]],
  ["a length in hexadecimal", ["Content-Length: 0x10"]],
  ["an unknown transfer encoding", ["Transfer-Encoding: sideways"]],
  ["chunked twice", ["Transfer-Encoding: chunked, chunked"]],
  ["a header name with a space", ["Content-Length : 5", "X y: z"]],
] as const)(
  "a request with %s is refused or hung up on, and nothing hidden behind it is taken for a request",
  async (_, framing) => {
    const hidden = requestBytes(lines("/v1/chat/completions"), SAMPLES.chat.request({ text: MARK })).toString("latin1")
    const statuses = await statusesOf(requestBytes(lines("/v1/chat/completions", ...framing), `0\r\n\r\n${hidden}`))
    expect(statuses.filter((status) => status < 400)).toEqual([])
  },
)

test.each([
  ["a chunk size of letters", "zz\r\nhello\r\n0\r\n\r\n"],
  ["a negative chunk size", "-5\r\nhello\r\n0\r\n\r\n"],
  ["a giant chunk size", "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n"],
  ["a chunk longer than it says", "2\r\nhello\r\n0\r\n\r\n"],
])("%s is refused, and what follows is taken for nothing", async (_, body) => {
  for (const { path } of ALL_SAMPLES) {
    const request = requestBytes(lines(path, "Transfer-Encoding: chunked"), body)
    const further = requestBytes(lines(path), SAMPLES.chat.request({ text: MARK }))
    expect(await statusesOf(Buffer.concat([request, further]))).toEqual([400])
  }
})

test("a body that arrives byte by byte is a body", async () => {
  await Promise.all(
    ALL_SAMPLES.map(async (sample) => {
      const client = await connectRaw(gateway.url)
      await client.write(requestBytes(lines(sample.path, "Transfer-Encoding: chunked")))
      for (const byte of Buffer.from(sample.request({ text: "trickle" }))) {
        await client.write(Buffer.from([0x31, 13, 10, byte, 13, 10]))
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
      await client.write("0\r\n\r\n")
      await client.until(/Hi there/u)
      client.destroy()
    }),
  )
})

test("bodies that never end hold up nobody, and end with their connection", async () => {
  const hanging: RawClient[] = await Promise.all(
    Array.from({ length: 30 }, async (_, index) => {
      const client = await connectRaw(gateway.url)
      const framing = index % 2 === 0 ? "Transfer-Encoding: chunked" : "Content-Length: 1000"
      await client.write(requestBytes(lines("/v1/messages", framing), index % 2 === 0 ? '5\r\n{"mod\r\n' : '{"mod'))
      return client
    }),
  )
  for (const sample of ALL_SAMPLES) expect((await gateway.call(sample.dialect, sample.request())).status).toBe(200)
  for (const client of hanging) client.destroy()
  expect(upstream.exchanges.every(({ request }) => request.body.length > 20)).toBe(true)
})

test("a head that never ends holds up nobody", async () => {
  const hanging = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const client = await connectRaw(gateway.url)
      await client.write("POST /v1/chat/completions HTTP/1.1\r\nHost: rou")
      return client
    }),
  )
  expect((await gateway.call("chat", SAMPLES.chat.request())).status).toBe(200)
  for (const client of hanging) client.destroy()
})

test.each([
  ["100 KB in one header", [`X-Big: ${"x".repeat(100_000)}`]],
  ["1 MB of token", [`X-Api-Key: ${"x".repeat(1_000_000)}`]],
  ["1,000 headers", Array.from({ length: 1000 }, (_, index) => `X-Many-${index}: ${MARK}`)],
  ["a NUL in a value", ["X-Nul: a\0b"]],
  ["a header without a colon", ["no colon here"]],
  ["a header without a name", [": value"]],
  ["a folded header", ["X-Fold: a", " b"]],
])("%s is answered or hung up on, never fatal", async (_, more) => {
  const statuses = await statusesOf(
    requestBytes(lines("/v1/chat/completions", ...more), SAMPLES.chat.request({ text: "odd head" })),
  )
  expect(statuses.length).toBeLessThanOrEqual(1)
  expect(statuses.filter((status) => status >= 500)).toEqual([])
})

test("non-ASCII bytes in headers neither fail the call nor reach the upstream", async () => {
  const odd = requestBytes(
    lines("/v1/chat/completions", "X-Name: \xe9\xff\xfe", "User-Agent: caf\xe9"),
    SAMPLES.chat.request({ text: "latin" }),
  )
  const statuses = await statusesOf(odd)
  expect(statuses.every((status) => status < 500)).toBe(true)
  for (const { request } of upstream.received("latin")) expect(request.headerLines.join("")).not.toContain("\xff")
})

test.each([
  "/docs/../../../../etc/passwd",
  "/docs/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
  "/docs/..%2f..%2f..%2fetc%2fpasswd",
  "/docs/%252e%252e%252fetc/passwd",
  "/docs/....//....//etc/passwd",
  "/docs/%00",
  "/docs/%ff%fe",
  "/docs/%zz",
  "/docs/\\..\\..\\etc\\passwd",
  "/docs//etc/passwd",
  "/docs/config.yaml",
  "/../config.yaml",
  "/v1/models/../../etc/passwd",
  "/v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
])("GET %s leads nowhere", async (path) => {
  const client = await connectRaw(gateway.url)
  await client.write(
    requestBytes([`GET ${path} HTTP/1.1`, "Connection: close", `Authorization: Bearer ${gateway.token}`]),
  )
  await client.closed
  const [answer] = answersIn(client.received())
  expect(answer?.status).toBeGreaterThanOrEqual(300)
  expect(answer?.status).toBeLessThan(500)
  expect(client.received().toString()).not.toMatch(/root:|token_sha256/u)
})

test.each(["BREW", "TRACE", "CONNECT", "post", "OPTIONS", "PROPFIND", "X".repeat(300)])(
  "the method %s is refused",
  async (method) => {
    const bytes = requestBytes(
      [`${method} /v1/chat/completions HTTP/1.1`, ...lines("").slice(1)],
      SAMPLES.chat.request({ text: MARK }),
    )
    const statuses = await statusesOf(bytes)
    expect(statuses.filter((status) => status < 400 || status >= 500)).toEqual([])
  },
)

test("requests in a pipeline are answered in order, or the connection ends; no answer goes to the wrong request", async () => {
  const client = await connectRaw(gateway.url)
  const first = requestBytes(lines("/v1/chat/completions"), SAMPLES.chat.request({ text: "pipe 1" }))
  const second = requestBytes(lines("/v1/messages"), SAMPLES.messages.request({ text: "pipe 2" }))
  const third = requestBytes(["GET /healthz HTTP/1.1", "Connection: close"])
  await client.write(Buffer.concat([first, second, third]))
  await client.closed
  const answers = answersIn(client.received())
  const expected = [SAMPLES.chat.unary(), SAMPLES.messages.unary()]
  expect(answers.slice(0, 2).map(({ body }) => body)).toEqual(expected.slice(0, answers.length))
})

test("a refusal that did not wait for the body leaves the connection in order, or closes it", async () => {
  for (const sample of ALL_SAMPLES) {
    const client = await connectRaw(gateway.url)
    const stranger = [
      `POST ${sample.path} HTTP/1.1`,
      `Authorization: Bearer ${newToken()}`,
      "Content-Type: application/json",
    ]
    const padded = sample.request({ text: MARK.repeat(60_000) })
    await client.write(requestBytes(stranger, padded))
    await client.until(/^HTTP\/1\.1 401 [\s\S]*\r\n\r\n\{[\s\S]*\}/u)
    await client.write(
      requestBytes([...lines(sample.path), "Connection: close"], sample.request({ text: "after a refusal" })),
    )
    await client.closed
    const [refusal, ...others] = answersIn(client.received())
    expect(refusal?.status).toBe(401)
    expect(others.map(({ status, body }) => ({ status, body }))).toEqual(
      others.map(() => ({ status: 200, body: sample.unary() })),
    )
  }
})

test("a client that waits for 100 Continue is served", async () => {
  const body = SAMPLES.chat.request({ text: "expecting" })
  const client = await connectRaw(gateway.url)
  const expecting = lines(
    "/v1/chat/completions",
    "Expect: 100-continue",
    "Connection: close",
    `Content-Length: ${body.length}`,
  )
  await client.write(requestBytes(expecting))
  await client.until(/^HTTP\/1\.1 100 /u)
  await client.write(body)
  await client.until(/HTTP\/1\.1 200 [\s\S]*Hi there/u)
  await client.closed
})

test("HTTP/1.0 is answered, or refused, and the connection ends", async () => {
  for (const streamed of [false, true]) {
    const client = await connectRaw(gateway.url)
    const [start, ...rest] = lines("/v1/chat/completions")
    const body = SAMPLES.chat.request({ stream: streamed, text: "old" })
    await client.write(requestBytes([start!.replace("HTTP/1.1", "HTTP/1.0"), ...rest], body))
    await client.closed
    const [answer] = answersIn(client.received())
    if (answer !== undefined && answer.status === 200) expect(answer.body).toContain("Hi")
    else expect(answer?.status ?? 400).toBeLessThan(510)
  }
})

test("an absolute target never makes the router a proxy", async () => {
  const stranger = await FakeUpstream.start()
  const bytes = requestBytes([`GET ${stranger.url}/stolen HTTP/1.1`, "Connection: close"])
  const statuses = await statusesOf(bytes)
  expect(statuses.filter((status) => status < 300)).toEqual([])
  expect(stranger.exchanges).toEqual([])
  await stranger.stop()
})

test("bytes that are no HTTP at all are hung up on", async () => {
  for (const bytes of [
    Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc]),
    Buffer.alloc(4096, 0xff),
    Buffer.from("\r\n\r\n\r\n"),
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  ]) {
    const client = await connectRaw(gateway.url)
    await client.write(bytes)
    await get(gateway, "/healthz")
    client.destroy()
    expect(answersIn(client.received()).filter(({ status }) => status < 400)).toEqual([])
  }
})

test("ids in paths and queries do not break anything", async () => {
  for (const path of [
    "/v1/models/%ff",
    "/v1/models/%",
    "/v1/usage?since=%00",
    "/v1/usage?since=yesterday&group_by=password",
    "/v1/models?limit=-1&after_id=%00",
  ]) {
    const answer = await get(gateway, path)
    expect(answer.status).toBeLessThan(500)
  }
  const answer = await call(gateway, "chat", SAMPLES.chat.request(), {
    path: `/v1/chat/completions?${"a".repeat(5000)}=1`,
  })
  expect(answer.status).toBeLessThan(500)
})

test("nothing hostile stands in log or database", async () => {
  expect(gateway.records.usage().every((row) => JSON.stringify(row).length < 5000)).toBe(true)
  expect(gateway.records.leaks([MARK, gateway.token, ...gateway.prepared.secrets])).toEqual([])
})
