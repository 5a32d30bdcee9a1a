/** `check --live` says of each provider whether it can be used, by asking for its models. */
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
const plain = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("no TLS here") })

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  const list = JSON.stringify({ object: "list", data: [{ id: "m1" }, { id: "m2" }] })
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
  rmSync(folder, { recursive: true, force: true })
})

function provider(name: string, url: string, more = ""): string {
  return `  ${name}: { base_url: "${url}", dialect: openai-chat, api_key: "\${KEY}", models: { m: { model: m1 } }${more} }\n`
}

async function live(providers: Readonly<Record<string, string>>, models = "m1"): Promise<Map<string, Finding>> {
  const names = Object.keys(providers)
  const blocks = names.map((name) =>
    provider(name, providers[name] ?? "").replace("openai-chat", name === "anthropic" ? "anthropic" : "openai-chat"),
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
    fine: ["info", expect.stringContaining("takes the key, and lists the models")],
    anthropic: ["info", expect.stringContaining("takes the key, and lists the models")],
    shut: ["error", expect.stringContaining("(key-refused)")],
    bare: ["info", expect.stringContaining("not tested")],
    down: ["error", expect.stringContaining("(overloaded)")],
    moved: ["error", expect.stringContaining("(redirect)")],
    refused: ["error", expect.stringContaining("(refused)")],
    plain: ["error", expect.stringContaining("(not-tls)")],
    nowhere: ["error", expect.stringContaining("(dns)")],
  })
  expect(found.get("shut")!.line).toBeGreaterThan(1)
  const asked = upstream.received("/models")
  expect(new Set(asked.map(({ request }) => request.target)).size).toBe(asked.length)
  for (const { request } of asked) {
    expect(request.headerLines.join("\n")).toContain(KEY)
    expect(request.body.length).toBe(0)
  }
})

test("models that the provider does not list are named", async () => {
  const found = await live({ fine: `${upstream.url}/fine/v1` }, "m3")
  expect(found.get("fine")).toMatchObject({ severity: "warning", message: expect.stringContaining('"m3"') })
})

test("without the flag nobody is asked", async () => {
  const before = upstream.exchanges.length
  await runHere(["check", "--config", join(folder, "config.yaml")], { env: { KEY } })
  expect(upstream.exchanges.length).toBe(before)
})
