/** `check --live` says of each provider what is wrong, by asking for its models and by an empty request. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { reply } from "../../test/helpers/behaviours.ts"
import { runHere } from "../../test/helpers/command-line.ts"
import { FakeUpstream } from "../../test/helpers/fake-upstream.ts"
import type { Finding } from "../config/findings.ts"

const KEY = "sk-live-0123456789abcdef"
const folder = mkdtempSync(join(tmpdir(), "smart-router-live-"))
let upstream: FakeUpstream
/** What a TLS server says to a plain request. */
const secure = Bun.listen({
  port: 0,
  hostname: "127.0.0.1",
  socket: { data: (socket) => void socket.end(Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46])) },
})
const plain = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("no TLS here") })

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  const list = JSON.stringify({ object: "list", data: [{ id: "m1" }, { id: "m2" }, { id: "vendor/long-name" }] })
  // what is not planned is no path of the server
  upstream.otherwise(reply("nothing here", { status: 404 }))
  const refusal = reply(`{"error":{"message":"messages: required","type":"invalid_request_error"}}`, { status: 400 })
  for (const path of ["/fine/v1/chat/completions", "/anthropic/v1/messages", "/bare/v1/chat/completions"])
    upstream.plan(path, refusal)
  // roots that people leave out, or write twice
  for (const path of ["/rootless/v1/", "/api-only/api/v1/", "/doubled/v1/", "/other-dialect/v1/"])
    upstream.plan(`${path}chat/completions`, refusal)
  upstream.plan("/doubled/v1/v1/", reply("nothing here", { status: 404 }))
  upstream.plan("/page/models", reply("<html>", {}))
  upstream.plan("/page/v1/chat/completions", refusal)
  upstream.plan("/no-key/v1/chat/completions", reply(`{"error":{"message":"no ${KEY}"}}`, { status: 401 }))
  upstream.plan("/nginx/v1/", reply("The plain HTTP request was sent to HTTPS port", { status: 400 }))
  upstream.plan("/poor/v1/models", reply(list))
  upstream.plan("/poor/v1/chat/completions", reply(`{"error":{"code":"insufficient_quota"}}`, { status: 429 }))
  upstream.plan("/fine/v1/models", reply(list))
  upstream.plan("/anthropic/v1/models", reply(list))
  upstream.plan("/shut/v1/models", reply(`{"error":{"message":"no ${KEY}"}}`, { status: 401 }))
  upstream.plan("/bare/v1/models", reply("nothing here", { status: 404 }))
  upstream.plan("/down/v1/models", reply("{}", { status: 503 }))
  upstream.plan("/moved/v1/models", reply("", { status: 302, headers: { Location: "/fine/v1/models" } }))
})

afterAll(async () => {
  await upstream.stop()
  await plain.stop(true)
  secure.stop(true)
  rmSync(folder, { recursive: true, force: true })
})

function provider(name: string, url: string, more = ""): string {
  return `  ${name}: { base_url: "${url}", dialect: openai-chat, api_key: "\${KEY}", models: { m: { model: m1 } }${more} }\n`
}

async function live(providers: Readonly<Record<string, string>>, models = "m1"): Promise<Map<string, Finding>> {
  const names = Object.keys(providers)
  const blocks = names.map((name) =>
    provider(name, providers[name] ?? "").replace(
      "openai-chat",
      name.startsWith("anthropic") ? "anthropic" : "openai-chat",
    ),
  )
  const targets = names.map((name) => `{ provider: ${name}, model: ${models} }`)
  const path = join(folder, "config.yaml")
  writeFileSync(
    path,
    `server: { listen: "127.0.0.1:0" }\nproviders:\n${blocks.join("")}models:\n  g: { strategy: failover, targets: [${targets.join(", ")}] }\n`,
  )
  const { out } = await runHere(["check", "--config", path, "--live", "--json"], { env: { KEY } })
  expect(out).not.toContain(KEY)
  const { findings } = JSON.parse(out) as { readonly findings: readonly Finding[] }
  const found = findings.filter(({ code }) => code === "live")
  return new Map(found.map((finding) => [finding.path.replace("providers.", ""), finding]))
}

test("each provider is asked once, by the credential and the address that calls would use", async () => {
  const found = await live({
    fine: `${upstream.url}/fine/v1`,
    anthropic: `${upstream.url}/anthropic`,
    shut: `${upstream.url}/shut/v1`,
    bare: `${upstream.url}/bare/v1`,
    down: `${upstream.url}/down/v1`,
    moved: `${upstream.url}/moved/v1`,
    refused: "http://127.0.0.1:1/v1",
    plain: `https://127.0.0.1:${plain.port}/v1`,
    nowhere: "https://no-such-host.invalid/v1",
  })
  const told = Object.fromEntries([...found].map(([name, { severity, message }]) => [name, [severity, message]]))
  expect(told).toMatchObject({
    fine: ["info", "It answers and takes the key. It lists the models of its targets."],
    anthropic: ["info", "It answers and takes the key. It lists the models of its targets."],
    shut: ["error", expect.stringMatching(/^Key: .*\(key-refused\)/)],
    bare: ["info", expect.stringContaining("not tested")],
    down: ["error", expect.stringMatching(/^Status: .*\(overloaded\)/)],
    moved: ["error", expect.stringMatching(/^Address: .*\(redirect\).* It leads to .*\/fine\/v1\/models\.$/)],
    refused: ["error", expect.stringMatching(/^TCP: .*\(refused\)/)],
    plain: ["error", expect.stringMatching(/^TLS: .*\(not-tls\).* Write base_url with http:\/\/\.$/)],
    nowhere: ["error", expect.stringMatching(/^DNS: .*\(dns\)/)],
  })
  expect(found.get("shut")!.line).toBeGreaterThan(1)
  const asked = upstream.received("/models")
  expect(new Set(asked.map(({ request }) => request.target)).size).toBe(asked.length)
  for (const { request } of asked) {
    expect(request.headerLines.join("\n")).toContain(KEY)
    expect(request.body.length).toBe(0)
  }
})

test("what to write instead is tried before it is told", async () => {
  const found = await live({
    rootless: `${upstream.url}/rootless`,
    "api-only": `${upstream.url}/api-only`,
    doubled: `${upstream.url}/doubled/v1/v1`,
    page: `${upstream.url}/page`,
    "anthropic-other": `${upstream.url}/other-dialect`,
    nothing: `${upstream.url}/nothing/v1`,
    "no-key": `${upstream.url}/no-key/v1`,
    poor: `${upstream.url}/poor/v1`,
    tls: `http://127.0.0.1:${secure.port}/v1`,
    nginx: `${upstream.url}/nginx/v1`,
  })
  const told = Object.fromEntries([...found].map(([name, { message }]) => [name, message]))
  expect(told).toMatchObject({
    rootless: expect.stringMatching(/^Address: .*\(path-not-found\).*: write \/v1 at the end of base_url\.$/),
    "api-only": expect.stringContaining(": write /api/v1 at the end of base_url."),
    doubled: expect.stringContaining("leave out /v1 at the end of base_url."),
    page: expect.stringContaining(": write /v1 at the end of base_url."),
    "anthropic-other": expect.stringMatching(/^Dialect: .* write dialect: openai-chat\.$/),
    nothing: expect.stringMatching(/^Address: .*\(path-not-found\): [^.]*\.$/),
    "no-key": expect.stringMatching(/^Key: .*\(key-refused\)/),
    poor: expect.stringMatching(/^Key: .*\(quota-exhausted\)/),
    tls: expect.stringMatching(/^TLS: .*\(tls-expected\).* Write base_url with https:\/\/\.$/),
    nginx: expect.stringMatching(/^TLS: .*\(tls-expected\)/),
  })
})

test("models that the provider does not list are named, with the nearest that it has", async () => {
  const found = await live({ fine: `${upstream.url}/fine/v1` }, "long-name")
  expect(found.get("fine")).toMatchObject({
    severity: "warning",
    message: 'Model: it does not list "long-name".',
    nearest: "vendor/long-name",
  })
})

test("the address of an endpoint is refused before anybody is asked, and the part to leave out is named", async () => {
  const path = join(folder, "endpoint.yaml")
  writeFileSync(path, `providers:\n${provider("p", `${upstream.url}/fine/v1/chat/completions`)}models: {}\n`)
  const { code, out } = await runHere(["check", "--config", path, "--live"], { env: { KEY } })
  expect(code).toBe(1)
  expect(out).toContain('leave out "/chat/completions"')
})

test("without the flag nobody is asked", async () => {
  const before = upstream.exchanges.length
  await runHere(["check", "--config", join(folder, "config.yaml")], { env: { KEY } })
  expect(upstream.exchanges.length).toBe(before)
})
