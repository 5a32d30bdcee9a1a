/** The product as a user starts it, with everything that exists switched on. */
import { Database } from "bun:sqlite"
import { existsSync, mkdirSync } from "node:fs"
import { freePort, startServer } from "./children.ts"
import { groupOf, type Contender } from "./contender.ts"
import { UPSTREAMS, type Upstreams } from "./upstreams.ts"

const TOKEN = "rtr_bench_lab_bench_k1_b3nchb3nchb3nchb3nchb3nchb3nchb3nchb3nch"

export interface Router extends Contender {
  /** Rows of `request_usage`; 0 when there is no database. */
  ledgerRows(): number
}

export interface RouterPlan {
  /** A checkout of the project. */
  readonly project: string
  /** Of this router alone: its configuration, ledger and logs. */
  readonly folder: string
  /** The built binary of the checkout in place of its sources. */
  readonly binary?: boolean
  /** A further line of `server:`. */
  readonly server?: string
  readonly name?: "router" | "earlier"
}

export async function startRouter(
  upstreams: Upstreams,
  { project, folder, binary = false, server = "", name = "router" }: RouterPlan,
): Promise<Router> {
  mkdirSync(folder, { recursive: true })
  const program = programOf(project, binary)
  const port = freePort()
  const configPath = `${folder}/router.yaml`
  await Bun.write(configPath, configuration(port, upstreams, server))
  const logPath = `${folder}/out.log`
  const env = { BENCH_PROVIDER_KEY: "sk-bench-0123456789abcdef0123456789abcdef" }
  const child = await startServer(name, port, {
    command: [...program, "serve", "--config", configPath],
    core: 0,
    logPath,
    env,
  })
  return {
    name,
    version:
      Bun.spawnSync([...program, "version"])
        .stdout.toString()
        .trim()
        .split("\n")[0] ?? "",
    pid: child.pid,
    port: () => port,
    headers: () => ({ Authorization: `Bearer ${TOKEN}` }),
    ledgerRows: () => rowsOf(`${folder}/state/usage.sqlite`),
    stop: () => child.stop(),
  }
}

function programOf(projectFolder: string, binary: boolean): readonly string[] {
  const program = binary ? `${projectFolder}/dist/smart-router` : `${projectFolder}/bin/smart-router`
  if (!existsSync(program)) throw new Error(`${program} is not there${binary ? ": npm run build" : ""}`)
  return [program]
}

function rowsOf(path: string): number {
  if (!existsSync(path)) return 0
  using database = new Database(path, { readonly: true })
  return database.query<{ rows: number }, []>("SELECT count(*) AS rows FROM request_usage").get()?.rows ?? 0
}

function configuration(port: number, upstreams: Upstreams, server: string): string {
  const tokenHash = new Bun.CryptoHasher("sha256").update(TOKEN).digest("hex")
  const providers = UPSTREAMS.map((name) => providerBlock(name, upstreams.byName[name].port))
  const groups = UPSTREAMS.map(
    (name) => `  ${groupOf(name)}: { strategy: static, targets: [{ provider: ${name}, model_ref: large }] }`,
  )
  return `server:
  listen: 127.0.0.1:${port}
  logging: { path: logs/requests.jsonl, rotate_mb: 256, keep: 4 }
  usage_db: { driver: sqlite, path: state/usage.sqlite, durability: commit, on_unavailable: spool }
  ${server}
providers:
${providers.join("\n")}
models:
${groups.join("\n")}
users: [{ id: bench, name: Bench, type: service, status: active }]
projects: [{ id: lab, name: Lab, status: active }]
project_memberships: [{ user_id: bench, project: lab, role: owner, status: active }]
callers:
  - id: bench-lab
    owner_user: bench
    project: lab
    environment: bench
    status: active
    token_sha256: ${tokenHash}
    token_id: rtr_bench_lab_bench_k1
    allow: [${UPSTREAMS.map(groupOf).join(", ")}]
    rate: { rpm: 100000000, tpm: 1000000000000, concurrent: 100000 }
    quota: { day: { requests: 1000000000, tokens: 1000000000000 }, month: { requests: 1000000000, tokens: 1000000000000 } }
    key: { lifetime_tokens: 1000000000000 }
    spend: { day_usd: 1000000, month_usd: 1000000 }
`
}

function providerBlock(name: string, port: number): string {
  return `  ${name}:
    base_url: http://127.0.0.1:${port}/v1
    dialect: openai-chat
    api_key: \${BENCH_PROVIDER_KEY}
    key_id: bench-${name}
    models:
      large:
        model: bench-large
        context_tokens: 200000
        max_output_tokens: 64000
        input_price_per_million_usd: 3
        cached_input_price_per_million_usd: 0.3
        output_price_per_million_usd: 15
        pricing_source: https://example.com/prices
        pricing_updated_at: "2026-06-25"
        tool_support: { openai_chat: [tools, tool_choice, structured_outputs] }`
}
