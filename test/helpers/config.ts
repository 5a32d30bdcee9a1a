/** Configurations for tests: the smallest useful one, written to a directory of its own. */
import { createHash, randomBytes } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import type { FakeUpstream } from "./fake-upstream.ts"
import { ALL_SAMPLES } from "./samples.ts"

type Block = Record<string, unknown>

/** Mutable on purpose: a test's `configure` changes what it needs. */
export interface Config {
  server: Block
  providers: Record<string, Block>
  models: Record<string, Block>
  users: Block[]
  projects: Block[]
  project_memberships: Block[]
  callers: Block[]
}

export interface Setup {
  /** Far ends by name, tried in this order. Each becomes one provider per dialect: `<name>-chat` and so on. */
  readonly upstreams: Readonly<Record<string, FakeUpstream | { readonly url: string }>>
  /** Changes the standard configuration before it is written. */
  readonly configure?: (config: Config, directory: string) => void
  readonly env?: Readonly<Record<string, string>>
}

export interface Prepared {
  readonly directory: string
  readonly configPath: string
  readonly env: Readonly<Record<string, string>>
  readonly token: string
  /** What must never be seen outside: provider keys and hosts. */
  readonly secrets: readonly string[]
  rewrite(change: (config: Config) => void): void
  remove(): void
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex")
}

export function newToken(key = "k1"): string {
  return `rtr_me_lab_dev_${key}_${randomBytes(32).toString("base64url")}`
}

/** A caller entry for `token`, allowed to use `allow`. */
export function callerEntry(id: string, token: string, allow: readonly string[], more: Block = {}): Block {
  const entry = { id, owner_user: "me", project: "lab", environment: "dev", status: "active", allow }
  return { ...entry, token_sha256: sha256(token), token_id: `rtr_me_lab_dev_${id}`, ...more }
}

export const PRICES = {
  input_price_per_million_usd: 3,
  cached_input_price_per_million_usd: 0.3,
  cache_write_price_per_million_usd: 3.75,
  cache_write_1h_price_per_million_usd: 6,
  output_price_per_million_usd: 15,
} as const

/** The upstream model id that the router writes in place of the group's name. */
export const VENDOR_MODEL = "vendor/model-1"

function keyOf(upstream: string): string {
  return `sk-secret-of-${upstream}-5f1c9a`
}

/** A group's targets: every upstream in every dialect. */
export function targetsOf(upstreams: readonly string[], more: Block = {}): Block[] {
  return upstreams.flatMap((name) =>
    ALL_SAMPLES.map(({ dialect }) => ({ provider: `${name}-${dialect}`, model_ref: "m1", ...more })),
  )
}

function standardConfig(setup: Setup, token: string): Config {
  const providers = Object.entries(setup.upstreams).flatMap(([name, { url }]) =>
    ALL_SAMPLES.map(({ dialect, configName }): [string, Block] => {
      const models = { m1: { model: VENDOR_MODEL, ...PRICES } }
      return [
        `${name}-${dialect}`,
        { base_url: `${url}/v1`, dialect: configName, api_key: `\${KEY_${name.toUpperCase()}}`, models },
      ]
    }),
  )
  return {
    // Tests break their upstreams on purpose, again and again: no target is put last for it.
    server: { listen: "127.0.0.1:0", breaker: { failures: 1_000_000 } },
    providers: Object.fromEntries(providers),
    models: { default: { strategy: "failover", targets: targetsOf(Object.keys(setup.upstreams)) } },
    users: [{ id: "me", name: "Me", type: "person", status: "active" }],
    projects: [{ id: "lab", name: "Lab", status: "active" }],
    project_memberships: [{ user_id: "me", project: "lab", role: "owner", status: "active" }],
    callers: [callerEntry("me-lab", token, ["default"])],
  }
}

export function prepare(setup: Setup): Prepared {
  const directory = mkdtempSync(path.join(tmpdir(), "router-test-"))
  const configPath = path.join(directory, "config.yaml")
  const token = newToken()
  const config = standardConfig(setup, token)
  setup.configure?.(config, directory)
  // JSON is YAML: what is written here is exactly what the test says.
  const write = (): void => writeFileSync(configPath, JSON.stringify(config, null, 2))
  write()
  const names = Object.keys(setup.upstreams)
  const keys = Object.fromEntries(names.map((name) => [`KEY_${name.toUpperCase()}`, keyOf(name)]))
  const hosts = Object.values(setup.upstreams).map(({ url }) => url.replace("http://", ""))
  return {
    directory,
    configPath,
    token,
    env: { ...keys, ...setup.env },
    secrets: [...names.map(keyOf), ...hosts],
    rewrite: (change) => {
      change(config)
      write()
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}
