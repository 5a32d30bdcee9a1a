/** What docs/clients.md tells people to write leads each client to the router: run where it can be, else read as the client reads it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import path from "node:path"
import { parse } from "yaml"
import { AGENT_CALLS, CODEX_CATALOGUE_QUERY } from "./helpers/agent-calls.ts"
import { get } from "./helpers/client.ts"
import type { Config } from "./helpers/config.ts"
import { temporaryFolder } from "./helpers/demo-process.ts"
import { parsed } from "./helpers/expectations.ts"
import { FakeUpstream } from "./helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "./helpers/gateway.ts"
import { AGENT_PACKAGES, REAL_AGENTS } from "./helpers/real-agents.ts"
import { SAMPLES } from "./helpers/samples.ts"
import { applied, ran, snippetOf, triedVersions } from "./helpers/snippets.ts"
import { at } from "./helpers/streams.ts"
import { vendorAnswer } from "./helpers/vendor.ts"

const PAGE = "docs/clients.md"
const ROOT = path.join(import.meta.dir, "..")
const GROUP = "default"
let upstream: FakeUpstream
let gateway: Gateway

/** Aliases and settings as the page has them. */
function configure(config: Config): void {
  for (const [section, index] of [
    ["Codex CLI", 0],
    ["Claude Code", 0],
    ["Claude Code", 1],
  ] as const) {
    const said = parse(snippetOf(PAGE, section, "yaml", index)) as Partial<Config>
    Object.assign(config.server, said.server)
    for (const [name, { aliases = [] }] of Object.entries(said.models ?? {})) {
      const group = (config.models[name] ??= structuredClone(config.models[GROUP]!))
      group["aliases"] = [...((group["aliases"] ?? []) as string[]), ...(aliases as string[])]
      if (name !== GROUP) group["aliases"] = aliases
    }
  }
  config.callers = config.callers.map((caller) => ({ ...caller, allow: Object.keys(config.models) }))
}

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer("Hello from afar"))
  gateway = await startGateway({ upstreams: { upstream }, configure })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const door = (): { readonly url: string; readonly token: string; readonly group: string } => ({
  url: gateway.url,
  token: gateway.token,
  group: GROUP,
})
const snippet = (section: string, language: string, index = 0): string =>
  applied(snippetOf(PAGE, section, language, index), door())

async function shell(script: string): Promise<string> {
  const child = Bun.spawn(["sh", "-euc", script], {
    env: { PATH: process.env["PATH"] ?? "", ROUTER_TOKEN: gateway.token },
    stdio: ["ignore", "pipe", "inherit"],
  })
  const text = await new Response(child.stdout).text()
  expect(await child.exited).toBe(0)
  return text
}

/** The environment in which a snippet starts its program. */
async function environmentOf(text: string): Promise<Readonly<Record<string, string>>> {
  const lines = text.trimEnd().split("\n")
  const printed = await shell([...lines.slice(0, -1), "env"].join("\n"))
  return Object.fromEntries(printed.split("\n").map((line) => [line.split("=", 1)[0]!, line.replace(/^[^=]*=/u, "")]))
}

interface Led {
  readonly base: string
  readonly token: string
  readonly model: string
}

/** What the files that an agent's set-up leaves in its home say. */
async function setUp(name: string, file: string | null): Promise<string> {
  using folder = temporaryFolder()
  const command = REAL_AGENTS[name]!.setUp(folder.path, door())
  return file === null ? command : await Bun.file(path.join(folder.path, file)).text()
}

const fromEnvironment =
  (base: string, token: string, model: string) =>
  async (name: string): Promise<Led> => {
    const env = await environmentOf(await setUp(name, null))
    return { base: env[base]!, token: env[token]!, model: env[model]! }
  }

async function ofOpencode(name: string): Promise<Led> {
  const read = JSON.parse(await setUp(name, ".config/opencode/opencode.json")) as unknown
  const options = at(read, "provider", "smart-router", "options")
  expect(at(options, "apiKey")).toBe("{env:ROUTER_TOKEN}")
  const model = String(at(read, "model")).split("/")[1]!
  expect(at(read, "provider", "smart-router", "models", model)).toBeDefined()
  return { base: String(at(options, "baseURL")), token: gateway.token, model }
}

async function ofPi(name: string): Promise<Led> {
  const provider = at(JSON.parse(await setUp(name, ".pi/agent/models.json")), "providers", "smart-router")
  expect(at(provider, "apiKey")).toBe("ROUTER_TOKEN")
  return { base: String(at(provider, "baseUrl")), token: gateway.token, model: String(at(provider, "models", 0, "id")) }
}

async function ofContinue(name: string): Promise<Led> {
  const model = at(parse(await setUp(name, "config.yaml")), "models", 0)
  expect(at(model, "apiKey")).toBe("${{ secrets.ROUTER_TOKEN }}")
  return { base: String(at(model, "apiBase")), token: gateway.token, model: String(at(model, "model")) }
}

async function ofCline(name: string): Promise<Led> {
  const printed = await shell(`cline() { printf '%s\\n' "$@"; }\n${await setUp(name, null)}`)
  const words = printed.split("\n")
  const behind = (option: string): string => words[words.indexOf(option) + 1]!
  return { base: behind("-b"), token: behind("-k"), model: behind("-m") }
}

async function ofCodex(name: string): Promise<Led> {
  const read = Bun.TOML.parse(await setUp(name, ".codex/config.toml")) as Readonly<Record<string, unknown>>
  const provider = at(read, "model_providers", String(read["model_provider"]))
  expect(at(provider, "env_key")).toBe("ROUTER_TOKEN")
  expect(at(provider, "wire_api")).toBe("responses")
  return { base: String(at(provider, "base_url")), token: gateway.token, model: String(read["model"]) }
}

const LED: Readonly<Record<string, (name: string) => Promise<Led>>> = {
  Codex: ofCodex,
  Claude: async (name) => ({
    ...(await fromEnvironment("ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "")(name)),
    model: "claude-opus-5-5",
  }),
  opencode: ofOpencode,
  pi: ofPi,
  Copilot: fromEnvironment("COPILOT_PROVIDER_BASE_URL", "COPILOT_PROVIDER_API_KEY", "COPILOT_MODEL"),
  Qwen: fromEnvironment("OPENAI_BASE_URL", "OPENAI_API_KEY", "OPENAI_MODEL"),
  Continue: ofContinue,
  Cline: ofCline,
}

test.each(Object.keys(AGENT_CALLS))("%s is led to the router, to its own dialect", async (name) => {
  const { dialect, target, header, added } = AGENT_CALLS[name]!
  const { base, token, model } = await LED[name.split(" ")[0]!]!(name)
  expect(base + added).toBe(gateway.url + target)
  const answer = await fetch(base + added, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      [header]: header === "authorization" ? `Bearer ${token}` : token,
      ...(dialect === "messages" ? { "anthropic-version": "2023-06-01" } : {}),
    },
    body: SAMPLES[dialect].request({ model, stream: true }),
  })
  const text = await answer.text()
  expect([answer.status, text]).toEqual([200, expect.stringContaining("afar") as string])
})

test("every agent has its calls and its version, and the SDKs of the tests are those of the page", async () => {
  expect(Object.keys(AGENT_CALLS)).toEqual(Object.keys(REAL_AGENTS))
  const tried = triedVersions(PAGE)
  const { devDependencies } = (await Bun.file(path.join(ROOT, "package.json")).json()) as {
    readonly devDependencies: Readonly<Record<string, string>>
  }
  for (const name of ["openai", "@anthropic-ai/sdk"]) expect([name, tried[name]]).toEqual([name, devDependencies[name]])
  for (const name of Object.keys(AGENT_PACKAGES)) expect([name, tried[name]]).toEqual([name, expect.any(String)])
})

test("Codex finds its groups and aliases in the catalogue of its provider's table", async () => {
  const read = Bun.TOML.parse(snippet("Codex CLI", "toml")) as Readonly<Record<string, unknown>>
  const url = String(at(read, "model_providers", "smart-router", "model_catalog_url"))
  const list = parsed(await get(gateway, url.slice(gateway.url.length) + CODEX_CATALOGUE_QUERY))
  const slugs = (at(list, "models") as readonly unknown[]).map((model) => at(model, "slug"))
  expect(slugs).toEqual(expect.arrayContaining([GROUP, "gpt-5.5-team"]) as unknown[])
})

test("Claude Code's own names are aliases, and its settings hold the same variables", async () => {
  const settings = JSON.parse(snippet("Claude Code", "json")) as { readonly env: Readonly<Record<string, string>> }
  const env = await environmentOf(snippet("Claude Code", "sh"))
  for (const [name, value] of Object.entries(settings.env))
    expect([name, env[name]]).toEqual([name, value.replace("rtr_...", gateway.token)])
  for (const model of ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-fable-5-2"]) {
    const answer = await gateway.call("messages", SAMPLES.messages.request({ model }))
    expect([model, answer.status, at(parsed(answer), "model")]).toEqual([model, 200, model])
  }
})

describe("the SDKs", () => {
  const run = (code: string): Promise<string> => ran(code, path.join(ROOT, "node_modules"), gateway.token)

  test("openai answers in Chat, streamed, and in Responses", async () => {
    expect((await run(snippet("openai", "ts"))).split("Hello from afar").length - 1).toBe(2)
  })

  test("@anthropic-ai/sdk answers, streamed", async () => {
    expect(await run(snippet("@anthropic-ai/sdk", "ts"))).toContain("Hello from afar")
  })

  test("the others name the same addresses", () => {
    const bases = (text: string): readonly string[] => text.match(/http:\/\/127[^"]*/gu) ?? []
    expect(bases(snippet("openai", "python"))).toEqual([`${gateway.url}/v1`])
    // added: /responses or /chat/completions; /messages
    expect(bases(snippet("Vercel AI SDK", "ts"))).toEqual([`${gateway.url}/v1`, `${gateway.url}/v1`])
    // added: /chat/completions and /responses; /v1/messages
    expect(bases(snippet("LangChain", "ts"))).toEqual([`${gateway.url}/v1`, gateway.url])
    expect(bases(snippet("OpenAI Agents SDK", "ts"))).toEqual([`${gateway.url}/v1`])
    for (const section of ["Vercel AI SDK", "LangChain", "OpenAI Agents SDK"])
      expect(new Bun.Transpiler({ loader: "ts" }).scanImports(snippet(section, "ts")).length).toBeGreaterThan(1)
  })
})
