/**
 * The product as one file: with nothing beside it, nothing on the path, and no home. Builds it first, unless
 * SMART_ROUTER_BINARY names a finished one.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import packageJson from "../package.json" with { type: "json" }
import { SCRIPT_TYPES } from "../src/routing/script/script-types.ts"
import { ask, PASSWORD, user, withAdministrators } from "./helpers/administrators.ts"
import { call, eventually } from "./helpers/client.ts"
import { callerEntry, newToken, prepare, targetsOf, type Prepared } from "./helpers/config.ts"
import { startDemo, temporaryFolder } from "./helpers/demo-process.ts"
import { FakeUpstream } from "./helpers/fake-upstream.ts"
import { ALL_SAMPLES, SAMPLES } from "./helpers/samples.ts"
import { vendorAnswer } from "./helpers/vendor.ts"

const ROOT = join(import.meta.dir, "..")
const EMPTY_ENVIRONMENT = { PATH: "/nowhere" }
const build = temporaryFolder()
const built = process.env["SMART_ROUTER_BINARY"] ?? join(build.path, "smart-router")

setDefaultTimeout(300_000)
beforeAll(async () => {
  if (process.env["SMART_ROUTER_BINARY"] !== undefined) return
  const run = Bun.spawn([process.execPath, "scripts/build.ts", "--outfile", built], { cwd: ROOT, stdout: "ignore" })
  if ((await run.exited) !== 0) throw new Error("the build failed")
})
afterAll(() => build[Symbol.dispose]())

async function output(args: readonly string[], cwd: string): Promise<{ readonly code: number; readonly text: string }> {
  const run = Bun.spawn([built, ...args], { cwd, env: EMPTY_ENVIRONMENT, stderr: "inherit" })
  const text = await run.stdout.text()
  return { code: await run.exited, text }
}

test("the binary knows its version and build time", async () => {
  using folder = temporaryFolder()
  const { code, text } = await output(["version"], folder.path)
  expect(code).toBe(0)
  expect(text).toContain(packageJson.version)
  expect(text).toMatch(/built 20\d\d-\d\d-\d\dT/u)
})

test("the binary filters personal data, also by expressions, whose engine it has inside", async () => {
  using folder = temporaryFolder()
  const prepared = prepare({
    upstreams: { one: { url: "http://127.0.0.1:9" } },
    configure: (config) => {
      const rules = [{ name: "staff", expression: String.raw`(?i)\bemp-\d{6}\b`, placeholder_prefix: "STAFF" }]
      config.models["default"]!["pii_filter"] = { enabled: true, rules }
    },
  })
  const file = join(folder.path, "request.json")
  writeFileSync(file, SAMPLES.chat.request({ text: "mail jane@example.com or EMP-123456" }))
  const config = prepared.configPath
  const run = Bun.spawn([built, "pii", "test", "--file", file, "--config", config, "--json"], { env: prepared.env })
  expect(JSON.parse(await run.stdout.text())).toMatchObject({ matches: { email: 1, staff: 1 }, refused_with: null })
  expect(await run.exited).toBe(0)
  prepared.remove()
})

test("the binary serves the console from its own files, compressed, and answers what its first page asks", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer("first"))
  const prepared = prepare({
    upstreams: { upstream },
    env: { ADMIN_HASH: await Bun.password.hash(PASSWORD, { algorithm: "bcrypt", cost: 10 }) },
    configure: (config) => {
      const policy = ["p, none, *, metrics, read"]
      withAdministrators(
        config,
        [user("ann", { permissions: ["admin:reports:read"] })],
        {},
        { authorization: { enabled: true, policy } },
      )
      config.server["admin_reports"] = { enabled: true }
    },
  })
  const run = serve(prepared)
  try {
    const url = await readyAddress(run.stdout)
    const page = await ask({ url }, "/admin/reports/", { user: "ann" })
    const paths = [...page.text.matchAll(/(?:src|href)="(\/[^"]+)"/gu)].map(([, path]) => path ?? "")
    expect(paths).toHaveLength(2)
    for (const path of paths) {
      const file = await fetch(url + path, { headers: { "accept-encoding": "br" } })
      expect(file.headers.get("content-encoding")).toBe("br")
      expect((await file.text()).length).toBeGreaterThan(10_000)
    }
    const answer = await ask({ url }, "/admin/reports/api/page/overview?since=24h", { user: "ann" })
    expect(answer.status).toBe(200)
    expect(answer.text).toContain('"show":"tiles"')
  } finally {
    run.kill()
    await run.exited
    prepared.remove()
    await upstream.stop()
  }
})

test("a .env, bunfig.toml or package.json where it is started changes nothing", async () => {
  using folder = temporaryFolder()
  await Bun.write(join(folder.path, "bunfig.toml"), 'preload = ["./missing.ts"]\n')
  await Bun.write(join(folder.path, ".env"), "BUN_CONFIG_MAX_HTTP_REQUESTS=nonsense\n")
  await Bun.write(join(folder.path, "package.json"), "{")
  const { code, text } = await output(["schema"], folder.path)
  expect(code).toBe(0)
  expect(JSON.parse(text)).toHaveProperty("properties.server")
})

test("the binary bundles and runs routing scripts, with a package beside them, prints their types, and takes a changed configuration", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer("first"))
  const second = (await FakeUpstream.start()).otherwise(vendorAnswer("second"))
  const prepared = prepare({
    upstreams: { upstream, second },
    configure: (config, directory) => {
      mkdirSync(join(directory, "node_modules/last"), { recursive: true })
      writeFileSync(join(directory, "node_modules/last/index.js"), "module.exports = (list) => list.length - 1")
      writeFileSync(
        join(directory, "route.ts"),
        'import last from "last"\nexport const route = (ctx: { targets: unknown[] }) => ({ targetIndex: last(ctx.targets) })',
      )
      const targets = targetsOf(["upstream", "second"])
      config.models["default"] = { strategy: "script", script: "route.ts", targets }
    },
  })
  const run = serve(prepared)
  try {
    const url = await readyAddress(run.stdout)
    for (const sample of ALL_SAMPLES) {
      const answer = await call({ url, token: prepared.token }, sample.dialect, sample.request())
      expect([answer.status, answer.text]).toEqual([200, sample.unary("second")])
    }
    // so many values that they are translated in a thread
    const messages = Array.from({ length: 8000 }, () => ({ role: "user", content: "word" }))
    const large = await call({ url, token: prepared.token }, "chat", JSON.stringify({ model: "default", messages }))
    expect([large.status, large.text]).toEqual([200, expect.stringContaining("second")])
    prepared.rewrite((config) => {
      config.models["default"] = { strategy: "static", targets: targetsOf(["upstream"]) }
      // so large that it is read in a thread
      for (let index = 0; index < 300; index += 1)
        config.callers.push(callerEntry(`c${index}`, newToken(String(index)), ["default"]))
    })
    run.kill("SIGHUP")
    const sample = SAMPLES.chat
    await eventually("the reloaded configuration", async () => {
      const answer = await call({ url, token: prepared.token }, sample.dialect, sample.request())
      return answer.text === sample.unary("first") ? true : undefined
    })
  } finally {
    run.kill()
    await run.exited
    prepared.remove()
    await Promise.all([upstream.stop(), second.stop()])
  }
  expect((await output(["types"], "/")).text).toBe(SCRIPT_TYPES)
})

test("the binary makes the hash of a password, and lets in administrators whom a policy permits", async () => {
  const hashed = Bun.spawn([built, "admin", "hash-password", "--cost", "10"], {
    env: EMPTY_ENVIRONMENT,
    stdin: new TextEncoder().encode(PASSWORD),
    stderr: "inherit",
  })
  const hash = (await hashed.stdout.text()).trim()
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  const prepared = prepare({
    upstreams: { upstream },
    env: { ADMIN_HASH: hash },
    configure: (config) => {
      const policy = ["p, viewer, *, admin:explain, read", "g, basic:ann, viewer, *"]
      const users = ["ann", "bob"].map((name) => user(name, { permissions: [] }))
      withAdministrators(config, users, {}, { authorization: { enabled: true, policy } })
    },
  })
  const run = serve(prepared)
  try {
    const url = await readyAddress(run.stdout)
    const body = { caller: "me-lab", request: { model: "default", messages: [] } }
    expect((await ask({ url }, "/admin/api/explain", { user: "ann", body })).status).toBe(200)
    expect((await ask({ url }, "/admin/api/explain", { user: "bob", body })).status).toBe(403)
    expect((await ask({ url }, "/admin/api/explain", { user: "ann", password: "x", body })).status).toBe(401)
  } finally {
    run.kill()
    await run.exited
    prepared.remove()
    await upstream.stop()
  }
})

function serve({ configPath, env }: Prepared): Bun.Subprocess<"ignore", "pipe", "inherit"> {
  return Bun.spawn([built, "serve", "--config", configPath], {
    cwd: "/",
    env: { ...EMPTY_ENVIRONMENT, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  })
}

async function readyAddress(channel: ReadableStream<Uint8Array>): Promise<string> {
  let printed = ""
  const decoder = new TextDecoder()
  for await (const piece of channel) {
    printed += decoder.decode(piece, { stream: true })
    const address = /http:\/\/127\.0\.0\.1:\d+/u.exec(printed)
    if (address !== null) return address[0]
  }
  throw new Error(`serve ended before it was ready: ${printed}`)
}

test("the binary runs the demo with three dialects, documents, and a clean stop", async () => {
  using folder = temporaryFolder()
  const binary = join(folder.path, "smart-router")
  copyFileSync(built, binary)
  chmodSync(binary, 0o755)
  const demo = await startDemo([binary], { cwd: folder.path, env: EMPTY_ENVIRONMENT })
  try {
    const messages = [{ role: "user", content: "Hello" }]
    for (const [path, body] of [
      ["/v1/chat/completions", { messages }],
      ["/v1/responses", { input: "Hello" }],
      ["/v1/messages", { messages, max_tokens: 100 }],
    ] as const) {
      const response = await fetch(demo.url + path, {
        method: "POST",
        headers: {
          authorization: `Bearer ${demo.token}`,
          "content-type": "application/json",
          "anthropic-version": "2023-06-01",
        },
        body: JSON.stringify({ model: "default", ...body }),
      })
      expect(response.status).toBe(200)
      expect(await response.text()).toContain("This is the smart-router demo provider")
    }
    for (const [path, words] of [
      ["/docs/", "<h1"],
      ["/docs/architecture", "The life of a call"],
      ["/version", packageJson.version],
    ] as const) {
      const response = await fetch(demo.url + path)
      expect([path, response.status]).toEqual([path, 200])
      expect(await response.text()).toContain(words)
    }
  } finally {
    expect(await demo.stop()).toBe(0)
  }
  rmSync(binary)
  expect(readdirSync(folder.path)).toEqual([".demo"])
})
