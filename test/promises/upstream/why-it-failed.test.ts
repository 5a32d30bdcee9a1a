/** Why an upstream failed is one word of a closed list, in the attempt's row, the log line, the metrics and the router's own log. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import net from "node:net"
import path from "node:path"
import tls from "node:tls"
import { closeAtOnce, reply, resetAtOnce, stall, stream } from "../../helpers/behaviours.ts"
import { eventually, get, type Answer } from "../../helpers/client.ts"
import { newToken, callerEntry, type Config } from "../../helpers/config.ts"
import { closedPort, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { allowAll } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const FIXTURES = path.join(import.meta.dir, "../../fixtures/tls")
const CERTIFICATE = path.join(FIXTURES, "localhost-certificate-for-tests.pem")
const EXPIRED = path.join(FIXTURES, "expired-certificate-for-tests.pem")
const KEY = path.join(FIXTURES, "localhost-key-for-tests.pem")

let upstream: FakeUpstream
let mute: net.Server
let gateway: LocalGateway
let metricsToken = ""
const closing: (() => unknown)[] = []
const clock = new HeldClock()
const warnings: Record<string, unknown>[] = []
const held = new Set<net.Socket>()

/** Providers by what is wrong with them; each is a group of its own. */
function wrongProviders(ports: Readonly<Record<string, number>>): Record<string, Record<string, unknown>> {
  const behind = (scheme: string, host: string, port: number | undefined): { base_url: string } => ({
    base_url: `${scheme}://${host}:${port ?? 0}/v1`,
  })
  const trusted = { tls: { ca_file: CERTIFICATE } }
  return {
    refused: behind("http", "127.0.0.1", ports["closed"]),
    dns: behind("http", "no-such-host.invalid", 80),
    untrusted: behind("https", "localhost", ports["secure"]),
    hostname: { ...behind("https", "127.0.0.1", ports["secure"]), ...trusted },
    expired: { ...behind("https", "localhost", ports["expired"]), tls: { ca_file: EXPIRED } },
    client: { ...behind("https", "localhost", ports["mutual"]), ...trusted },
    nottls: { ...behind("https", "localhost", ports["polite"]), ...trusted },
    wantstls: behind("http", "localhost", ports["alerting"]),
    mute: { ...behind("https", "localhost", ports["mute"]), ...trusted },
    deadproxy: { ...behind("https", "provider.invalid", 443), proxy: `http://127.0.0.1:${ports["closed"]}` },
    closedproxy: { ...behind("https", "provider.invalid", 443), proxy: `http://127.0.0.1:${ports["plain"]}` },
    fine: behind("http", "127.0.0.1", ports["plain"]),
  }
}

async function tlsServer(options: tls.TlsOptions): Promise<number> {
  const server = tls.createServer(options, (socket) => {
    socket.on("error", () => {})
    socket.on("data", () => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
  })
  server.on("tlsClientError", () => {})
  return listening(server)
}

async function listening(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, () => resolve()))
  closing.push(() => server.close())
  return (server.address() as net.AddressInfo).port
}

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  // a proxy that refuses to open a tunnel
  upstream.plan("provider.invalid:443", reply("no", { status: 407 }))
  const [cert, key] = await Promise.all([CERTIFICATE, KEY].map((file) => Bun.file(file).text()))
  const pem = { cert: cert ?? "", key: key ?? "" }
  mute = net.createServer((socket) => {
    socket.on("error", () => {})
    held.add(socket)
  })
  const alerting = net.createServer((socket) => {
    socket.on("error", () => {})
    socket.once("data", () => socket.end(Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46])))
  })
  const polite = net.createServer((socket) => {
    socket.on("error", () => {})
    socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
  })
  const ports = {
    polite: await listening(polite),
    closed: await closedPort(),
    plain: upstream.port,
    mute: await listening(mute),
    alerting: await listening(alerting),
    secure: await tlsServer(pem),
    expired: await tlsServer({ ...pem, cert: await Bun.file(EXPIRED).text() }),
    mutual: await tlsServer({ ...pem, ca: pem.cert, requestCert: true, rejectUnauthorized: true }),
  }
  metricsToken = newToken("k2")
  gateway = await startGateway(
    { upstreams: { upstream }, configure: (config) => configure(config, ports) },
    {
      clock,
      log: { info: () => {}, error: () => {}, warn: (message, fields) => void warnings.push({ message, ...fields }) },
    },
  )
})

function configure(config: Config, ports: Readonly<Record<string, number>>): void {
  const models = { m1: { model: "vendor/model-1" } }
  config.server["upstream"] = { first_byte_timeout_ms: 30_000, silence_timeout_ms: 40_000, timeout_ms: 90_000 }
  for (const [name, provider] of Object.entries(wrongProviders(ports))) {
    config.providers[name] = { dialect: "openai-chat", api_key: "${KEY_UPSTREAM}", models, ...provider }
    config.models[name] = { strategy: "static", targets: [{ provider: name, model_ref: "m1" }] }
  }
  config.models["timed"] = {
    strategy: "static",
    attempt_timeout_ms: 5000,
    targets: [{ provider: "fine", model_ref: "m1" }],
  }
  allowAll(config)
  config.callers.push(callerEntry("metrics", metricsToken, ["fine"], { metrics_admin: true }))
}

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  for (const socket of held) socket.destroy()
  for (const close of closing) close()
  await upstream.stop()
})

/** By request id, for the log, whose lines come later. */
const reasons = new Map<string, string | null>()

function reasonOf({ requestId }: Answer): string | null {
  const reason = gateway.records.attempts(requestId)[0]?.error_message ?? null
  reasons.set(requestId, reason)
  return reason
}

async function chat(model: string, more: { readonly text?: string; readonly stream?: boolean } = {}): Promise<Answer> {
  return gateway.call("chat", SAMPLES.chat.request({ model, ...more }))
}

const CONNECTIONS: readonly (readonly [group: string, reason: string])[] = [
  ["refused", "refused"],
  ["dns", "dns"],
  ["untrusted", "tls-untrusted"],
  ["hostname", "tls-hostname"],
  ["expired", "tls-expired"],
  ["client", "tls-client-cert"],
  ["nottls", "not-tls"],
  ["wantstls", "tls-expected"],
  ["deadproxy", "proxy-refused"],
  ["closedproxy", "proxy-refused; status=407"],
]

test.each(CONNECTIONS)("%s: the connection's failure is told as %s", async (group, reason) => {
  const answer = await chat(group)
  expect(answer.status).toBe(502)
  expect(reasonOf(answer)).toBe(reason)
  // callers get the word alone
  expect(at(JSON.parse(answer.text), "error", "details", "reason")).toBe(reason.split(";")[0])
})

interface Refusal {
  readonly status: number
  readonly body: string
  readonly reason: string
  readonly code: string
}

const html = "<html><body>404 Not Found</body></html>"
const error = (fields: Record<string, unknown>): string => JSON.stringify({ error: fields })

const REFUSALS: readonly Refusal[] = [
  { status: 404, body: html, reason: "path-not-found", code: "upstream-access-denied" },
  { status: 404, body: '{"detail":"Not Found"}', reason: "path-not-found", code: "upstream-access-denied" },
  {
    status: 404,
    body: error({
      message: "Invalid URL (POST /v1/chat/completions/chat/completions)",
      type: "invalid_request_error",
      code: null,
    }),
    reason: "path-not-found; type=invalid_request_error",
    code: "upstream-access-denied",
  },
  {
    status: 404,
    body: error({ message: "The model `vendor/model-1` does not exist", code: "model_not_found" }),
    reason: "model-unknown; code=model_not_found",
    code: "upstream-access-denied",
  },
  {
    status: 404,
    body: error({ message: 'model "x" not found, try pulling it first' }),
    reason: "model-unknown",
    code: "upstream-access-denied",
  },
  {
    status: 401,
    body: error({
      message: "Incorrect API key provided: sk-abc",
      type: "invalid_request_error",
      code: "invalid_api_key",
    }),
    reason: "key-refused; code=invalid_api_key; type=invalid_request_error",
    code: "upstream-access-denied",
  },
  { status: 403, body: html, reason: "access-denied", code: "upstream-access-denied" },
  { status: 413, body: html, reason: "request-too-large", code: "body-too-large" },
  {
    status: 429,
    body: error({ message: "slow", code: "rate_limit_exceeded" }),
    reason: "rate-limited; code=rate_limit_exceeded",
    code: "upstream-rate-limited",
  },
  { status: 402, body: "{}", reason: "quota-exhausted", code: "upstream-quota-exhausted" },
  { status: 302, body: "", reason: "redirect", code: "upstream-failed" },
  {
    status: 500,
    body: error({ message: "x", type: "server_error" }),
    reason: "upstream-error; type=server_error",
    code: "upstream-failed",
  },
  { status: 503, body: html, reason: "overloaded", code: "upstream-failed" },
  { status: 407, body: "", reason: "proxy-refused", code: "upstream-failed" },
  {
    status: 400,
    body: "<center>The plain HTTP request was sent to HTTPS port</center>",
    reason: "tls-expected",
    code: "upstream-failed",
  },
  {
    status: 400,
    body: "Client sent an HTTP request to an HTTPS server.\n",
    reason: "tls-expected",
    code: "upstream-failed",
  },
  // what a host, a key or a sentence could be is no safe word
  {
    status: 500,
    body: error({ message: "x", type: "db.internal.example", code: "sk-proj-Ab3dEf5hIj7kLm9n" }),
    reason: "upstream-error",
    code: "upstream-failed",
  },
]

test.each(REFUSALS.map((refusal, index) => ({ ...refusal, index })))(
  "status $status is told as $reason ($index)",
  async ({ status, body, reason, code, index }) => {
    const marker = `refusal-${index}-`
    upstream.plan(marker, reply(body, { status }))
    const answer = await chat("fine", { text: marker })
    expect(at(JSON.parse(answer.text), "error", "code")).toBe(code)
    expect(reasonOf(answer)).toBe(reason)
  },
)

test("a wrong path is not told as a denied model, nor an upstream's 413 as the router's own bound", async () => {
  upstream.plan("lost-path", reply(html, { status: 404 }))
  const lost = await chat("fine", { text: "lost-path" })
  expect(lost.status).toBe(503)
  expect(lost.text).toContain("no such path")
  upstream.plan("too-large-for-nginx", reply("<html>413</html>", { status: 413 }))
  const large = await chat("fine", { text: "too-large-for-nginx" })
  expect(large.status).toBe(413)
  expect(large.text).toContain("The upstream refuses the request as too large.")
  expect(gateway.records.errors(large.requestId)[0]?.message).toBe("The upstream refuses the request as too large.")
})

const OWN_FIELD: readonly (readonly [body: string, reason: string])[] = [
  [
    error({ message: "unexpected property", type: "invalid_request_error", param: "stream_options" }),
    "field-refused; type=invalid_request_error; field=stream_options",
  ],
  [error({ message: "property 'stream_options' is unsupported" }), "field-refused; field=stream_options"],
  [
    '{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}',
    "field-refused; field=stream_options",
  ],
  // the client wrote that one itself
  [error({ message: "unexpected property", param: "messages" }), "request-refused; field=messages"],
]

test.each(OWN_FIELD)("a refusal of what the router wrote names the field: %s", async (body, reason) => {
  const marker = `own-field-${reason.length}-${body.length}`
  upstream.plan(marker, reply(body, { status: 400 }))
  // the client does not ask for usage, so the router does
  const messages = [{ role: "user", content: marker }]
  const answer = await gateway.call("chat", JSON.stringify({ model: "fine", stream: true, messages }))
  expect(answer.status).toBe(400)
  expect(reasonOf(answer)).toBe(reason)
  const blame = reason.startsWith("field") ? "operator" : "caller"
  expect(gateway.records.errors(answer.requestId)[0]).toMatchObject({ blame, code: "invalid-request" })
})

test("each wait ends with its own word, and the connection's within ten seconds", async () => {
  const waits: readonly (readonly [group: string, ms: number, reason: string, stream: boolean])[] = [
    ["mute", 10_000, "connect-timeout", true],
    ["mute", 10_000, "connect-timeout", false],
    ["fine", 30_000, "first-byte-timeout", true],
    ["fine", 30_000, "first-byte-timeout", false],
    ["timed", 5000, "attempt-timeout", false],
  ]
  for (const [index, [group, ms, reason, streamed]] of waits.entries()) {
    const marker = `wait-${index}-`
    upstream.plan(marker, stall)
    const before = held.size
    const calling = chat(group, { text: marker, stream: streamed })
    if (group === "mute") await eventually("a connection", () => (held.size > before ? true : undefined))
    else await upstream.arrival(marker)
    await clock.advance(ms - 500)
    const waiting = await Promise.race([calling.then(() => "over"), Bun.sleep(1).then(() => "waiting")])
    expect(streamed && ms > 15_000 ? "waiting" : waiting).toBe("waiting")
    await clock.advance(1000)
    const answer = await calling
    expect(reasonOf(answer)).toBe(reason)
    expect(gateway.records.attempts(answer.requestId)[0]).toMatchObject({ error_class: "timeout", timed_out: 1 })
    expect(gateway.records.usage(answer.requestId)[0]).toMatchObject({ status: 504, error: "upstream-timeout" })
  }
})

test("a whole answer and a stream's silence have words of their own", async () => {
  const head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
  upstream.plan("wait-whole", async (exchange) => {
    await exchange.write(head)
    await exchange.left
  })
  const calling = chat("fine", { text: "wait-whole" })
  await upstream.arrival("wait-whole")
  for (let passed = 0; passed <= 90_000; passed += 10_000) await clock.advance(10_000)
  expect(reasonOf(await calling)).toBe("whole-timeout")

  upstream.plan("wait-silence", stream([SAMPLES.chat.frames()[0] ?? "", { end: "stall" }]))
  const streaming = chat("fine", { text: "wait-silence", stream: true })
  const exchange = await upstream.arrival("wait-silence")
  await eventually("its first frame", () => (exchange.sentBytes > 100 ? true : undefined))
  for (let passed = 0; passed <= 40_000; passed += 10_000) await clock.advance(10_000)
  expect(reasonOf(await streaming)).toBe("silence-timeout")
})

test("a reset and a close before an answer have words of their own", async () => {
  upstream.plan("it-resets", resetAtOnce)
  upstream.plan("it-closes", closeAtOnce)
  expect(reasonOf(await chat("fine", { text: "it-resets" }))).toBe("reset")
  expect(reasonOf(await chat("fine", { text: "it-closes" }))).toBe("closed")
})

test("a stream that fails, before its content or behind it, tells why", async () => {
  const [role = "", word = ""] = SAMPLES.chat.frames()
  const fault = `data: ${error({ message: "no room", type: "server_error", code: "engine_overloaded" })}\n\n`
  upstream.plan("stream-resets", stream([role, word, { end: "reset" }]))
  upstream.plan("stream-ends", stream([role, word]))
  upstream.plan("stream-errs", stream([role, fault]))
  upstream.plan("stream-later", stream([role, word, fault]))
  upstream.plan("stream-empty", stream([]))
  upstream.plan("stream-odd", reply("<html>hello</html>", { headers: { "Content-Type": "text/html" } }))
  const told: Record<string, string | null> = {}
  for (const marker of ["stream-resets", "stream-ends", "stream-errs", "stream-later", "stream-empty", "stream-odd"])
    told[marker] = reasonOf(await chat("fine", { text: marker, stream: true }))
  expect(told).toEqual({
    "stream-resets": "reset",
    "stream-ends": "stream-broken",
    "stream-errs": "overloaded; code=engine_overloaded; type=server_error",
    "stream-later": "overloaded; code=engine_overloaded; type=server_error",
    "stream-empty": "empty-stream",
    "stream-odd": "no-answer",
  })
})

test("the router's own log tells a target's first failure, and again when the reason changes", async () => {
  const tell = async (marker: string, status: number): Promise<void> => {
    upstream.plan(marker, reply("{}", { status }))
    await chat("fine", { text: marker })
  }
  const told = (): readonly unknown[] =>
    warnings
      .filter(({ message, provider }) => message === "a target has failed" && provider === "fine")
      .map(({ reason }) => reason)
  await clock.advance(120_000)
  await chat("fine", { text: "works" })
  const before = told().length
  for (const [index, status] of [500, 500, 401, 401, 500].entries()) await tell(`told-${index}-`, status)
  // what was told within a minute is not told again
  expect(told().slice(before)).toEqual(["upstream-error", "key-refused"])
  await clock.advance(60_000)
  await tell("told-refusal-", 400)
  await tell("told-later-", 401)
  expect(told().slice(before)).toEqual(["upstream-error", "key-refused", "key-refused"])
  expect(warnings.find(({ reason }) => reason === "tls-untrusted")).toMatchObject({
    message: "a target has failed",
    group: "untrusted",
    provider: "untrusted",
    error_class: "network",
    status: null,
  })
})

test("metrics count failures by their reason, and nothing tells a key, a host or a body", async () => {
  const metrics = await get(gateway, "/metrics", { token: metricsToken })
  expect(metrics.text).toMatch(
    /smart_router_attempt_failures_total\{group="dns",provider="dns",model="vendor\/model-1",reason="dns"\} \d/u,
  )
  expect(metrics.text).toContain('reason="path-not-found"')
  expect(gateway.records.leaks(gateway.prepared.secrets)).toEqual([])
  const told = JSON.stringify(warnings)
  for (const secret of [
    ...gateway.prepared.secrets,
    "no-such-host",
    "provider.invalid",
    "db.internal",
    "Ab3dEf5hIj7kLm9n",
  ])
    expect(told).not.toContain(secret)
})

test("the line of a call has the reason of each failed attempt", async () => {
  expect(reasons.size).toBeGreaterThan(30)
  // what is still to be written is written when the router stops
  await gateway.stop()
  const lines = gateway.records.logLines()
  const logged = new Map(lines.map((line) => [line["request_id"], at(line, "tries", 0, "reason")]))
  for (const [id, reason] of reasons) expect(logged.get(id)).toBe(reason)
})
