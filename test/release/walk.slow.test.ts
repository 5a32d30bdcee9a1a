/**
 * docs/operations.md walked through with the processes of the Compose package, outside of containers: its init, its configurations and
 * its Caddyfile, the binary of the release, PostgreSQL, Redis or Valkey, and Caddy.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { tied } from "../helpers/children.ts"
import { eventually } from "../helpers/client.ts"
import { temporaryFolder } from "../helpers/demo-process.ts"
import { FakeUpstream } from "../helpers/fake-upstream.ts"
import { oldestLedger } from "../helpers/oldest-ledger.ts"
import { execute, noPostgres, startPostgres } from "../helpers/postgres.ts"
import { askProxy, freePort, startCaddy, WITHOUT_CADDY } from "../helpers/proxies.ts"
import { startRedis, WITHOUT_REDIS } from "../helpers/redis.ts"
import { openRelease, type Release, succeed } from "../helpers/release.ts"
import { SAMPLES } from "../helpers/samples.ts"
import { vendorAnswer } from "../helpers/vendor.ts"

setDefaultTimeout(900_000)
let release: Release
let program = ""
beforeAll(async () => {
  release = await openRelease()
  program = join(await release.unpack(`-linux-${process.arch}.tar.gz`), "smart-router")
})
afterAll(() => release[Symbol.dispose]())

/** Nothing but the binary is there. */
const command = (...words: string[]): Promise<string> => succeed([program, ...words], { env: {} })

/** `./init` in a fresh copy of the package. */
async function initialised(folder: string, ...words: string[]): Promise<string> {
  await succeed(["tar", "-xzf", release.file("-compose.tar.gz"), "-C", folder])
  const compose = join(folder, `smart-router-${release.version}-compose`)
  await succeed(["./init", ...words], {
    cwd: compose,
    env: { PATH: process.env["PATH"] ?? "", OPENAI_API_KEY: "sk-walk" },
  })
  return compose
}

/** Writes the package's configuration with places of this machine, as the router of that number sees them. */
function place(compose: string, number: number, port: number, changes: readonly (readonly [string, string])[]): string {
  const paths = [
    ['listen: ":8080"', `listen: "127.0.0.1:${port}"`],
    ["172.30.80.0/24", "127.0.0.0/8"],
    ["/run/secrets/", `${compose}/secrets/`],
    ["/var/lib/smart-router/", `${compose}/data/router-${number}/`],
    ...changes,
  ]
  const path = join(compose, `router-${number}.yaml`)
  let text = readFileSync(join(compose, "config/config.yaml"), "utf8")
  for (const [from = "", to = ""] of paths) {
    if (!text.includes(from)) throw new Error(`the configuration of the package has no ${from}`)
    text = text.replaceAll(from, to)
  }
  writeFileSync(path, text)
  return path
}

interface Router extends AsyncDisposable {
  readonly url: string
  stop(): Promise<number>
}

async function serve(config: string, port: number): Promise<Router> {
  const child = Bun.spawn(tied([program, "serve", "--config", config]), { env: {}, stdout: "ignore", stderr: "pipe" })
  const said = child.stderr.text()
  const url = `http://127.0.0.1:${port}`
  await eventually("the router is well", async () => {
    if (child.exitCode !== null) throw new Error(`serve ended: ${await said}`)
    const health = Bun.spawn([program, "health", "--url", url], { env: {}, stdout: "ignore", stderr: "ignore" })
    return (await health.exited) === 0 ? true : undefined
  })
  const stop = async (): Promise<number> => {
    child.kill("SIGTERM")
    return child.exited
  }
  return {
    url,
    stop,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL")
      await child.exited
    },
  }
}

async function newToken(config: string): Promise<string> {
  const words = ["--owner-user", "me", "--project", "lab", "--env", "dev", "--allow", "default", "--write", config]
  return /rtr_\S+_\S{20,}/.exec(await command("token", "create", ...words))?.[0] ?? ""
}

function call(url: string, token: string): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
  return askProxy(`${url}/v1/chat/completions`, { method: "POST", headers, body: SAMPLES.chat.request() })
}

const missing = [WITHOUT_CADDY, noPostgres, WITHOUT_REDIS].filter((text) => text !== null && text !== "")
const reason = missing.length === 0 ? "" : `: ${missing.join(", ")}`

test.skipIf(missing.length > 0)(
  `two routers on PostgreSQL and a shared state are replaced one after another behind Caddy, and no call fails${reason}`,
  async () => {
    using folder = temporaryFolder()
    const compose = await initialised(folder.path)
    const secret = (name: string): string => readFileSync(join(compose, "secrets", name), "utf8")
    const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
    await using postgres = await startPostgres()
    const server = new URL(await postgres.schema())
    server.search = ""
    await execute(server.href, `CREATE ROLE router LOGIN PASSWORD '${secret("postgres_password")}'`)
    await execute(server.href, "CREATE DATABASE usage OWNER router")
    await using redis = await startRedis({
      options: ["--requirepass", secret("valkey_password"), "--maxmemory-policy", "noeviction"],
      login: `:${secret("valkey_password")}@`,
    })
    const ports = [freePort(), freePort()]
    const changes = [
      // on a crowded machine the proxy asks late
      ["drain_delay_ms: 5000", "drain_delay_ms: 20000"],
      ["@postgres:5432/", `@127.0.0.1:${server.port}/`],
      ["@valkey:6379/", `@127.0.0.1:${new URL(redis.url).port}/`],
      ["https://api.openai.com/v1", `${upstream.url}/v1`],
    ] as const
    const first = place(compose, 1, ports[0] ?? 0, changes)
    const token = await newToken(first)
    // the other one has the same callers
    writeFileSync(join(compose, "config/config.yaml"), withCallers(compose, first))
    const second = place(compose, 2, ports[1] ?? 0, changes)

    // the one-shot before the first start
    expect(await command("migrate", "apply", "--config", first)).toContain("up to date")
    expect(await command("migrate", "status", "--config", second)).toContain("up to date")
    const configs = [first, second] as const
    const routers = [await serve(first, ports[0] ?? 0), await serve(second, ports[1] ?? 0)]
    await using proxy = await startCaddy(
      join(compose, "Caddyfile"),
      folder.path,
      routers.map(({ url }) => url),
    )

    const ids = new Set<string>()
    const over = new AbortController()
    const caller = async (): Promise<void> => {
      while (!over.signal.aborted) {
        const response = await call(proxy.url, token)
        const text = await response.text()
        expect({ status: response.status, text }).toMatchObject({ status: 200 })
        ids.add(response.headers.get("x-request-id") ?? "")
        await Bun.sleep(20)
      }
    }
    const callers = Promise.all([caller(), caller(), caller()])
    for (const [index, config] of configs.entries()) {
      const before = ids.size
      await eventually("calls go on", () => (ids.size > before + 20 ? true : undefined))
      expect(await command("migrate", "plan", "--config", config)).toContain("up to date")
      expect(await command("check", "--config", config)).toBeString()
      expect(await routers[index]?.stop()).toBe(0)
      const between = ids.size
      await eventually("the other router serves", () => (ids.size > between + 20 ? true : undefined))
      routers[index] = await serve(config, ports[index] ?? 0)
    }
    const before = ids.size
    await eventually("calls go on", () => (ids.size > before + 20 ? true : undefined))
    over.abort()
    await callers
    for (const router of routers) expect(await router.stop()).toBe(0)
    const dsn = `postgres://router@127.0.0.1:${server.port}/usage`
    const rows = await execute<{ id: string }>(dsn, "SELECT request_id AS id FROM request_usage")
    expect(rows.map(({ id }) => id).toSorted()).toEqual([...ids].toSorted())
    await upstream.stop()
  },
)

/** The package's configuration with the callers of a placed one. */
function withCallers(compose: string, placed: string): string {
  const [head = ""] = readFileSync(join(compose, "config/config.yaml"), "utf8").split(/^callers:/m)
  const [, callers = ""] = readFileSync(placed, "utf8").split(/^callers:/m)
  return `${head}callers:${callers}`
}

test("a ledger of the first version is upgraded, backed up, lost and restored on SQLite", async () => {
  using folder = temporaryFolder()
  const compose = await initialised(folder.path, "--sqlite")
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  const port = freePort()
  const config = place(compose, 1, port, [["https://api.openai.com/v1", `${upstream.url}/v1`]])
  const token = await newToken(config)
  const path = join(compose, "data/router-1/state/usage.sqlite")
  const OLD = 40
  await oldestLedger({ path, usageDb: { path } }, OLD)

  // upgrade: a copy first, then the steps, then the router
  const old = join(compose, "backup/old.sqlite")
  expect(await command("backup", old, "--config", config)).toContain(`calls          ${OLD},`)
  expect(await command("migrate", "plan", "--config", config)).toContain("missing")
  expect(await command("migrate", "apply", "--config", config)).toContain("up to date")
  const router = await serve(config, port)
  expect((await call(router.url, token)).status).toBe(200)

  // backup while it runs; a call after it
  const copy = join(compose, "backup/usage.sqlite")
  expect(await command("backup", copy, "--config", config)).toContain(`calls          ${OLD + 1},`)
  expect((await call(router.url, token)).status).toBe(200)
  const refused = await command("restore", copy, "--config", config).catch(String)
  expect(refused).toContain("stop it first")
  expect(await router.stop()).toBe(0)

  // restore over a file that is damaged
  writeFileSync(path, "no database")
  expect(await command("restore", copy, "--config", config)).toContain("is restored")
  await using again = await serve(config, port)
  expect((await call(again.url, token)).status).toBe(200)
  expect(await command("backup", join(dirname(copy), "after.sqlite"), "--config", config)).toContain(
    `calls          ${OLD + 2},`,
  )
  expect(await again.stop()).toBe(0)
  expect(existsSync(copy)).toBe(true)

  // back to the version before: its copy is still one of the first version
  expect(await command("restore", old, "--config", config)).toContain("schema         version 1")
  await upstream.stop()
})
