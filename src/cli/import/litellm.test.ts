/** Configurations as LiteLLM's users write them; its own examples show the same keys. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parse } from "yaml"
import { runHere } from "../../../test/helpers/command-line.ts"
import { loadConfig } from "../../config/load.ts"
import { formatPath } from "../../config/findings.ts"
import { importLiteLlm, type Imported } from "./litellm.ts"

const ENV = {
  OPENAI_API_KEY: "x",
  ANTHROPIC_API_KEY: "x",
  AZURE_API_KEY: "x",
  AZURE_API_BASE: "https://eu.example.com",
}

const TEAM = `
model_list:
  - model_name: gpt-5
    litellm_params:
      model: azure/gpt-5-eu
      api_base: os.environ/AZURE_API_BASE
      api_key: os.environ/AZURE_API_KEY
      api_version: "2025-04-01-preview"
      rpm: 600
      timeout: 90
    model_info: { id: azure-eu, max_input_tokens: 272000, supports_vision: true, supports_function_calling: true }
  - model_name: gpt-5
    litellm_params: { model: openai/gpt-5, api_key: os.environ/OPENAI_API_KEY, rpm: 300, input_cost_per_token: 0.00000125, output_cost_per_token: 1e-5 }
  - model_name: claude
    litellm_params: { model: claude-sonnet-5-5, api_key: os.environ/ANTHROPIC_API_KEY, max_retries: 2 }
  - model_name: local
    litellm_params: { model: hosted_vllm/qwen3, api_base: "http://10.0.0.5:8000/v1" }
  - model_name: embed
    litellm_params: { model: openai/text-embedding-3-large, api_key: os.environ/OPENAI_API_KEY }
    model_info: { mode: embedding }
  - model_name: bedrock-claude
    litellm_params: { model: bedrock/anthropic.claude-sonnet, aws_region_name: eu-west-1 }
  - model_name: "openai/*"
    litellm_params: { model: "openai/*", api_key: os.environ/OPENAI_API_KEY }
router_settings:
  routing_strategy: latency-based-routing
  num_retries: 3
  timeout: 30
  allowed_fails: 3
  cooldown_time: 60
  redis_host: os.environ/REDIS_HOST
  model_group_alias: { gpt-4o: gpt-5, hidden-one: { model: claude, hidden: true }, lost: nowhere }
  fallbacks: [{ gpt-5: [claude] }, { claude: [gpt-5, bedrock-claude] }]
litellm_settings:
  drop_params: true
  callbacks: [langfuse]
  max_budget: 500
  budget_duration: 30d
  context_window_fallbacks: [{ local: [claude] }]
general_settings:
  master_key: sk-1234
  database_url: os.environ/DATABASE_URL
`

function imported(text: string, env: Record<string, string> = ENV): Imported {
  return importLiteLlm(parse(text), env)
}

/** What `check` says of the result: the errors. */
function errorsOf(config: unknown, env: Record<string, string> = ENV): readonly unknown[] {
  const readFile = (path: string): string => {
    if (path.endsWith("config.yaml")) return JSON.stringify(config)
    throw Object.assign(new Error("there is none"), { code: "ENOENT" })
  }
  const { findings } = loadConfig({ path: "/nowhere/config.yaml", env, readFile, fingerprint: () => "" })
  return findings.filter(({ severity }) => severity === "error")
}

type Shown = Record<string, Record<string, Record<string, unknown> & { targets: Record<string, unknown>[] }>>

describe("a configuration of a team", () => {
  const { config, notes, secrets } = imported(TEAM)
  const { models, providers, server } = config as Shown
  const noted = (is: string): string[] => notes.filter((note) => note.is === is).map(({ path }) => formatPath(path))

  test("is valid here", () => {
    expect(errorsOf(config)).toEqual([])
    expect(secrets).toEqual({})
  })

  test("has its groups, with shares, fallbacks and aliases", () => {
    expect(Object.keys(models!)).toEqual(["gpt-5", "claude", "local"])
    expect(models!["gpt-5"]).toMatchObject({
      strategy: "weighted",
      aliases: ["gpt-4o"],
      targets: [
        { provider: "azure", model: "gpt-5-eu", weight: 600, timeout_ms: 90_000, context_tokens: 272_000 },
        {
          provider: "openai",
          model: "gpt-5",
          weight: 300,
          input_price_per_million_usd: 1.25,
          output_price_per_million_usd: 10,
        },
        { provider: "anthropic", model: "claude-sonnet-5-5", weight: 0 },
      ],
    })
    expect(models!["claude"]).toMatchObject({ strategy: "failover", aliases: ["hidden-one"] })
    expect(models!["claude"]!.targets.map(({ model }) => model)).toEqual(["claude-sonnet-5-5", "gpt-5-eu", "gpt-5"])
    expect(models!["local"]!.targets.map(({ model }) => model)).toEqual(["qwen3", "claude-sonnet-5-5"])
  })

  test("has its providers, with keys from the environment", () => {
    expect(providers).toEqual({
      azure: {
        base_url: "${AZURE_API_BASE}/openai/deployments/gpt-5-eu",
        query: { "api-version": "2025-04-01-preview" },
        dialect: "openai-chat",
        api_key: "${AZURE_API_KEY}",
        auth_scheme: "header:api-key",
      },
      openai: { base_url: "https://api.openai.com/v1", dialect: "openai-chat", api_key: "${OPENAI_API_KEY}" },
      anthropic: { base_url: "https://api.anthropic.com", dialect: "anthropic", api_key: "${ANTHROPIC_API_KEY}" },
      hosted_vllm: { base_url: "http://10.0.0.5:8000/v1", engine: "vllm", dialect: "openai-chat", auth_scheme: "none" },
    } as never)
  })

  test("keeps timeouts, cooldowns, the budget and the master key", () => {
    expect(server).toMatchObject({
      upstream: { default_attempt_timeout_ms: 30_000 },
      breaker: { failures: 4, window: "60s", cooldown: "60000ms" },
    })
    expect(config["projects"]).toEqual([{ id: "litellm", spend: { month_usd: 500 } }])
    const token_sha256 = createHash("sha256").update("sk-1234").digest("hex")
    expect(config["callers"]).toMatchObject([{ token_sha256, allow: ["gpt-5", "claude", "local"] }])
  })

  test("names what it could not carry, and what works differently", () => {
    expect(noted("left")).toEqual([
      "model_list[0].model_info.id",
      "model_list[2].litellm_params.max_retries",
      "model_list[4].model_name",
      "model_list[5].litellm_params.model",
      "model_list[6].model_name",
      "router_settings.fallbacks",
      "router_settings.model_group_alias.lost",
      "router_settings.num_retries",
      "router_settings.redis_host",
      "litellm_settings.drop_params",
      "litellm_settings.callbacks",
      "general_settings.database_url",
    ])
    expect(noted("changed")).toEqual([
      "model_list[0].litellm_params.rpm",
      "model_list[1].litellm_params.rpm",
      "litellm_settings.context_window_fallbacks",
      "router_settings.routing_strategy",
      "litellm_settings.max_budget",
      "general_settings.master_key",
    ])
  })
})

test.each([
  "ollama/llama4",
  "groq/llama-4",
  "gemini/gemini-3-pro",
  "openrouter/x/y",
  "mistral/large",
  "azure/x",
  "openai/responses/gpt-5",
])("%s makes a valid target", (model) => {
  const env = { GROQ_API_KEY: "x", GEMINI_API_KEY: "x", OPENROUTER_API_KEY: "x", MISTRAL_API_KEY: "x", ...ENV }
  const params = { model, ...(model.startsWith("azure") ? { api_base: "https://eu.openai.azure.com/" } : {}) }
  const { config, groups } = importLiteLlm({ model_list: [{ model_name: "m", litellm_params: params }] }, env)
  expect(groups).toBe(1)
  expect(errorsOf(config, env)).toEqual([])
})

test("an order of deployments, limits that are enforced, and shared credentials are kept", () => {
  const { config } = imported(`
credential_list:
  - credential_name: main
    credential_values: { api_key: os.environ/OPENAI_API_KEY, api_base: "https://one.example.com/v1" }
model_list:
  - { model_name: m, litellm_params: { model: openai/second, order: 2, api_key: os.environ/OPENAI_API_KEY, rpm: 120 } }
  - { model_name: m, litellm_params: { model: openai/first, order: 1, litellm_credential_name: main } }
router_settings: { optional_pre_call_checks: [enforce_model_rate_limits] }
`)
  const { models } = config as Shown
  expect(models!["m"]).toMatchObject({
    strategy: "failover",
    targets: [
      { provider: "openai-2", model: "first" },
      {
        provider: "openai",
        model: "second",
        traffic_shape: { enabled: true, request_start_per_sec: 2, request_burst: 120 },
      },
    ],
  })
  expect(errorsOf(config)).toEqual([])
})

test("the example of the page about moving is what the command writes", () => {
  const page = readFileSync(join(import.meta.dir, "../../../docs/moving-from-litellm.md"), "utf8")
  const [theirs = "", ours = ""] = [...page.matchAll(/^```yaml\n(.*?)^```$/gmsu)].map(([, yaml = ""]) => yaml)
  const { config, notes } = imported(theirs)
  expect(config["models"]).toEqual((parse(ours) as Record<string, unknown>)["models"])
  for (const { message } of notes) expect(page).toContain(message)
})

test("what makes no sense is no model", () => {
  const odd = { model_name: "constructor", litellm_params: { model: "__proto__/x" } }
  for (const tree of [
    null,
    [],
    "text",
    { model_list: "x" },
    { model_list: [null, 3, { model_name: {}, litellm_params: [] }] },
    { model_list: [odd], router_settings: { fallbacks: [[1], { a: null }, 7] } },
  ])
    expect(importLiteLlm(tree, {}).groups).toBe(0)
})

describe("the command", () => {
  let folder = ""
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "import-"))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test("writes the configuration, and keys that stand in the file into env.json", async () => {
    const file = join(folder, "litellm.yaml")
    const out = join(folder, "config.yaml")
    writeFileSync(
      file,
      "model_list:\n  - model_name: m\n    litellm_params:\n      model: openai/gpt-5\n      api_key: sk-secret\n      seed: 3\n",
    )
    const { code, out: said, err } = await runHere(["import", "litellm", file, "--out", out])
    expect([code, said]).toEqual([0, ""])
    expect(err).toContain(`${file}:6  model_list[0].litellm_params.seed\n`)
    expect(err).toContain("env.json holds OPENAI_API_KEY.")
    expect(readFileSync(out, "utf8")).not.toContain("sk-secret")
    expect(JSON.parse(readFileSync(join(folder, "env.json"), "utf8"))).toEqual({ OPENAI_API_KEY: "sk-secret" })
    expect(statSync(join(folder, "env.json")).mode & 0o777).toBe(0o600)
    expect(await runHere(["check", "--config", out])).toMatchObject({ code: 0 })
    expect(await runHere(["import", "litellm", file, "--out", out])).toMatchObject({ code: 1 })
    const json = JSON.parse((await runHere(["import", "litellm", file, "--json"])).out) as Record<string, unknown>
    expect(json).toMatchObject({ written: null, variables: ["OPENAI_API_KEY"], notes: [{ is: "left", line: 6 }] })
  })

  test("refuses a file without models, faulty YAML, and other products", async () => {
    const file = join(folder, "empty.yaml")
    writeFileSync(file, "model_list: []\n")
    expect(await runHere(["import", "litellm", file, "--out", join(folder, "none.yaml")])).toMatchObject({ code: 1 })
    expect(existsSync(join(folder, "none.yaml"))).toBe(false)
    writeFileSync(file, "model_list: [\n")
    expect((await runHere(["import", "litellm", file])).err).toStartWith(`${file}:`)
    expect(await runHere(["import", "litellm", join(folder, "missing.yaml")])).toMatchObject({ code: 1 })
    expect(await runHere(["import", "other", file])).toMatchObject({ code: 2 })
  })
})
