/** Providers behind TLS are verified before a byte of a request is sent; an egress proxy stands between where one is configured. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import path from "node:path"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const FIXTURES = path.join(import.meta.dir, "../../fixtures/tls")
const CERTIFICATE = path.join(FIXTURES, "localhost-certificate-for-tests.pem")
const KEY = path.join(FIXTURES, "localhost-key-for-tests.pem")

let secure: ReturnType<typeof Bun.serve>
let seen = 0

beforeAll(() => {
  secure = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    tls: { cert: Bun.file(CERTIFICATE), key: Bun.file(KEY) },
    async fetch(request) {
      seen += 1
      const { stream } = (await request.json()) as { stream?: boolean }
      const isStream = stream === true
      return new Response(isStream ? SAMPLES.chat.frames().join("") : SAMPLES.chat.unary(), {
        headers: { "content-type": isStream ? "text/event-stream" : "application/json" },
      })
    },
  })
})

afterAll(() => secure.stop(true))

async function statusThrough(host: string, tls: Record<string, string> | null, stream = false): Promise<number> {
  await using gateway = await startGateway({
    upstreams: { upstream: { url: `https://${host}:${secure.port}` } },
    configure: (config) => {
      for (const provider of Object.values(config.providers)) if (tls !== null) provider["tls"] = tls
    },
  })
  const answers = []
  for (let call = 0; call < 3; call += 1) answers.push(await gateway.call("chat", SAMPLES.chat.request({ stream })))
  const [status] = new Set(answers.map((answer) => answer.status))
  if (status === 200) expect(answers.map((answer) => answer.text.length > 0)).toEqual([true, true, true])
  return status ?? 0
}

test("a certificate of the configured authority for the right name is taken, unary and streamed", async () => {
  expect(await statusThrough("localhost", { ca_file: CERTIFICATE })).toBe(200)
  expect(await statusThrough("localhost", { ca_file: CERTIFICATE }, true)).toBe(200)
})

test("an unknown authority or another name is refused before a byte of the request is sent", async () => {
  const before = seen
  expect(await statusThrough("localhost", null)).toBe(502)
  expect(await statusThrough("127.0.0.1", { ca_file: CERTIFICATE })).toBe(502)
  expect(seen).toBe(before)
})

test("a client certificate is sent where one is configured", async () => {
  const tls = { ca_file: CERTIFICATE, cert_file: CERTIFICATE, key_file: KEY }
  expect(await statusThrough("localhost", tls)).toBe(200)
})

test("calls go through the egress proxy, unary and streamed", async () => {
  const proxy = (await FakeUpstream.start()).otherwise(vendorAnswer())
  await using gateway = await startGateway({
    upstreams: { upstream: { url: "http://provider.invalid" } },
    configure: (config) => {
      for (const provider of Object.values(config.providers)) provider["proxy"] = proxy.url.replace(/\/v1$/u, "")
    },
  })
  for (const stream of [false, true]) {
    const answer = await gateway.call("chat", SAMPLES.chat.request({ stream }))
    expect(answer.status).toBe(200)
    if (stream) expect(answer.text).toEndWith("data: [DONE]\n\n")
    else expect(answer.text).toBe(SAMPLES.chat.unary())
  }
  // the proxy is given the whole URL; nothing is looked up here, since the name does not exist
  const targets = proxy.exchanges.map(({ request }) => request.target)
  expect(targets).toHaveLength(2)
  for (const target of targets) expect(target).toMatch(/^http:\/\/provider\.invalid(?::80)?\/v1\/chat\/completions$/u)
  await proxy.stop()
})
