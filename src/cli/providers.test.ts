/** `providers discover` proposes, and writes only what it is told to. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parse } from "yaml"
import { reply } from "../../test/helpers/behaviours.ts"
import { runHere } from "../../test/helpers/command-line.ts"
import { bodyText, FakeUpstream } from "../../test/helpers/fake-upstream.ts"

const KEY = "sk-discover-0123456789abcdef"
const folder = mkdtempSync(join(tmpdir(), "smart-router-discover-"))
let upstream: FakeUpstream
let count = 0

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  upstream.otherwise(reply("nothing here", { status: 404 }))
  const model = (id: string, more: object = {}) => ({ id, object: "model", owned_by: "vllm", ...more })
  upstream.plan(
    "/vllm/v1/models",
    reply(
      JSON.stringify({
        data: [model("z/small", { max_model_len: 8192 }), model("a/large"), model("${KEY}"), model(KEY)],
      }),
    ),
  )
  upstream.plan("/llama/v1/models", reply(JSON.stringify({ data: [{ id: "m.gguf", owned_by: "llamacpp" }] })))
  upstream.plan("/props", reply(JSON.stringify({ default_generation_settings: { n_ctx: 4096 } })))
  upstream.plan("/api/tags", reply(JSON.stringify({ models: [{ model: "qwen3:8b" }, { model: "other:1b" }] })))
  upstream.plan("/api/show", reply(JSON.stringify({ capabilities: ["completion", "vision"] })))
  upstream.plan(
    "/claude/v1/models",
    reply(JSON.stringify({ data: [{ type: "model", id: "claude-x", max_tokens: 64_000 }] })),
  )
  upstream.plan("/shut/v1/models", reply(`{"error":{"message":"no ${KEY}"}}`, { status: 401 }))
  upstream.plan("/page/v1/models", reply("<html>"))
  upstream.plan("/huge/v1/models", reply(`{"data":[${'"x",'.repeat(3_000_000)}"x"]}`))
})
afterAll(async () => {
  await upstream.stop()
  rmSync(folder, { recursive: true, force: true })
})

const CONFIG = `# mine
providers:
  p: # the upstream
    base_url: BASE
    dialect: openai-chat
    api_key: \${KEY}
    models:
      mine:
        model: a/large # kept
        context_tokens: 1000
        # about mine
models:
  open: { strategy: static, targets: [{ provider: p, model_ref: mine }] }
`

function file(path: string, change: (text: string) => string = (text) => text): string {
  const name = join(folder, `config-${(count += 1)}.yaml`)
  writeFileSync(name, change(CONFIG.replace("BASE", `${upstream.url}${path}`)))
  return name
}

async function discover(config: string, ...more: readonly string[]) {
  const ended = await runHere(["providers", "discover", "p", "--config", config, ...more], { env: { KEY } })
  expect(ended.out + ended.err).not.toContain(KEY)
  return ended
}

function catalogueOf(config: string): Readonly<Record<string, object>> {
  const { providers } = parse(readFileSync(config, "utf8")) as {
    readonly providers: { readonly p: { readonly models: Readonly<Record<string, object>> } }
  }
  return providers.p.models
}

test("a diff is shown, and nothing is written", async () => {
  const config = file("/vllm/v1")
  const before = readFileSync(config, "utf8")
  const { code, out } = await discover(config)
  expect(code).toBe(0)
  expect(out).toContain("p lists 3 models, 2 of them as named: 1 are new, 0 entries change.")
  expect(out).toContain(
    "         # about mine\n+      small:\n+        model: z/small\n+        context_tokens: 8192\n models:\n",
  )
  expect(out).toContain("--write writes it")
  expect(readFileSync(config, "utf8")).toBe(before)
})

test("what is written keeps comments, holds no secret and no reference to one, and is not written twice", async () => {
  const config = file("/vllm/v1")
  expect((await discover(config, "--write")).code).toBe(0)
  const text = readFileSync(config, "utf8")
  for (const comment of ["# mine", "# the upstream", "# kept", "# about mine"]) expect(text).toContain(comment)
  expect(text.match(/\$\{KEY\}/g)).toHaveLength(1)
  expect(catalogueOf(config)).toEqual({
    mine: { model: "a/large", context_tokens: 1000 },
    small: { model: "z/small", context_tokens: 8192 },
  })
  expect((await discover(config, "--write")).out).toContain("There is nothing to change.")
  expect(readFileSync(config, "utf8")).toBe(text)
})

test("what engines tell beside their list is asked, of models that were named", async () => {
  const llama = file("/llama/v1")
  await discover(llama, "--write")
  expect(catalogueOf(llama)).toMatchObject({ "m.gguf": { model: "m.gguf", context_tokens: 4096 } })
  const ollama = file("/ollama/v1", (text) => text.replace("    dialect:", "    engine: ollama\n    dialect:"))
  await discover(ollama, "--write", "--model", "qwen*")
  expect(catalogueOf(ollama)).toMatchObject({ "qwen3-8b": { model: "qwen3:8b", input_modalities: ["text", "image"] } })
  expect(upstream.received("/api/show").map(({ request }) => bodyText(request))).toEqual(['{"model":"qwen3:8b"}'])
  const claude = file("/claude", (text) => text.replace("openai-chat", "anthropic"))
  await discover(claude, "--write")
  expect(catalogueOf(claude)).toMatchObject({ "claude-x": { max_output_tokens: 64_000 } })
})

describe("a price list", () => {
  const prices = join(folder, "prices.json")
  const entry = { litellm_provider: "acme", input_cost_per_token: 1e-6, output_cost_per_token: 2e-6, mode: "chat" }
  writeFileSync(prices, JSON.stringify({ "z/small": entry, "acme/a/large": { ...entry, max_output_tokens: 77 } }))
  utimesSync(prices, new Date("2026-06-25T12:00:00Z"), new Date("2026-06-25T12:00:00Z"))

  test("gives prices and limits, with its name and date", async () => {
    const config = file("/vllm/v1")
    expect((await discover(config, "--prices", prices, "--prices-of", "acme", "--write")).code).toBe(0)
    const price = {
      input_price_per_million_usd: 1,
      output_price_per_million_usd: 2,
      pricing_source: "LiteLLM: prices.json (acme)",
      pricing_updated_at: "2026-06-25",
    }
    expect(catalogueOf(config)).toEqual({
      mine: { model: "a/large", context_tokens: 1000, max_output_tokens: 77, ...price },
      small: { model: "z/small", context_tokens: 8192, ...price },
    })
    expect((await runHere(["check", "--config", config, "--json"], { env: { KEY } })).out).toContain('"errors": 0')
  })

  test("says nothing before it is told whose prices hold", async () => {
    const config = file("/vllm/v1")
    const nobody = await discover(config, "--prices", prices)
    expect([nobody.code, nobody.err]).toEqual([2, expect.stringContaining("--prices-of")])
    expect((await discover(config, "--prices", prices, "--prices-of", "acne")).err).toContain('Did you mean "acme"?')
    expect((await discover(config, "--prices", config, "--prices-of", "acme")).err).toContain("it is no JSON")
    expect((await discover(config, "--prices", join(folder, "none"), "--prices-of", "acme")).code).toBe(1)
  })
})

describe("a group", () => {
  test("is made, and its targets wait for their proof", async () => {
    const config = file("/vllm/v1")
    expect((await discover(config, "--model", "z/*", "--group", "new", "--write")).code).toBe(0)
    const { models } = parse(readFileSync(config, "utf8")) as { readonly models: object }
    expect(models).toMatchObject({
      new: { strategy: "failover", activation: "required", targets: [{ provider: "p", model_ref: "small" }] },
    })
    expect((await discover(config, "--model", "*", "--group", "new", "--write")).code).toBe(0)
    expect((await discover(config, "--model", "*", "--group", "new", "--write")).out).toContain("nothing to change")
    const after = parse(readFileSync(config, "utf8")) as {
      readonly models: { readonly new: { readonly targets: unknown } }
    }
    expect(after.models.new.targets).toEqual([
      { provider: "p", model_ref: "small" },
      { provider: "p", model_ref: "mine" },
    ])
  })

  test("that asks for no proof gets nothing", async () => {
    const config = file("/vllm/v1")
    const { code, err } = await discover(config, "--model", "z/*", "--group", "open", "--write")
    expect([code, err]).toEqual([1, expect.stringContaining("activation: required")])
    expect((await discover(config, "--group", "new")).code).toBe(2)
  })
})

test("faults of other parts of the file do not keep it from being asked", async () => {
  const config = file("/vllm/v1", (text) => text.replace("model_ref: mine", "model_ref: nothing"))
  expect((await discover(config)).code).toBe(0)
})

test("an upstream that gives no list is told by its reason, and nothing is written", async () => {
  for (const [path, said] of [
    ["/shut/v1", "(key-refused, status 401)"],
    ["/none/v1", "(path-not-found, status 404)"],
    ["/page/v1", "what comes is no list of models"],
    ["/huge/v1", "(answer-too-large)"],
  ] as const) {
    const config = file(path)
    const { code, err } = await discover(config, "--write")
    expect([code, err]).toEqual([1, expect.stringContaining(said)])
  }
  const nowhere = file("", (text) => text.replace(upstream.url, "http://127.0.0.1:1/v1"))
  expect((await discover(nowhere)).err).toContain("(refused)")
})

test("wrong names are told", async () => {
  const config = file("/vllm/v1")
  const { code, err } = await runHere(["providers", "discover", "q", "--config", config], { env: { KEY } })
  expect([code, err]).toEqual([1, expect.stringContaining('There is no provider "q"')])
  expect((await runHere(["providers", "discover"])).code).toBe(2)
  expect((await runHere(["providers", "find"])).code).toBe(2)
  const without = await runHere(["providers", "discover", "p", "--config", config])
  expect([without.code, without.err]).toEqual([1, expect.stringContaining("KEY")])
})

test("machines read the same", async () => {
  const { out } = await discover(file("/vllm/v1"), "--json", "--model", "z/small")
  expect(JSON.parse(out)).toMatchObject({ added: ["small"], changed: [], gone: [], refused_names: 1, written: false })
})
