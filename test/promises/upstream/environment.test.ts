/** The environment of the process does not overrule the configuration: what would is ignored and named, and never printed. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import path from "node:path"
import { reply } from "../../helpers/behaviours.ts"
import { prepare, targetsOf } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { spawnRouter, type RouterProcess } from "../../helpers/router-process.ts"
import { SAMPLES } from "../../helpers/samples.ts"

const FIXTURES = path.join(import.meta.dir, "../../fixtures/tls")
const CERTIFICATE = path.join(FIXTURES, "localhost-certificate-for-tests.pem")
const ROOT = path.resolve(import.meta.dir, "../../..")
const CHAT = SAMPLES.chat

let proxy: FakeUpstream
let direct: FakeUpstream
let secure: ReturnType<typeof Bun.serve>
let seen = 0
let router: RouterProcess
let hostile: Readonly<Record<string, string>>

beforeAll(async () => {
  proxy = (await FakeUpstream.start()).otherwise(reply(CHAT.unary()))
  direct = (await FakeUpstream.start()).otherwise(reply(CHAT.unary()))
  const key = Bun.file(path.join(FIXTURES, "localhost-key-for-tests.pem"))
  const fetch = (): Response => {
    seen++
    return new Response(CHAT.unary())
  }
  secure = Bun.serve({ hostname: "127.0.0.1", port: 0, tls: { cert: Bun.file(CERTIFICATE), key }, fetch })
  hostile = {
    NO_PROXY: "*",
    no_proxy: "127.0.0.1,localhost",
    HTTP_PROXY: "http://127.0.0.1:1",
    http_proxy: "http://127.0.0.1:1",
    HTTPS_PROXY: proxy.url,
    ALL_PROXY: "http://127.0.0.1:1",
    NODE_TLS_REJECT_UNAUTHORIZED: "0",
    BUN_CONFIG_VERBOSE_FETCH: "curl",
    PGSSLMODE: "no-verify",
    BUN_GC_TIMER_DISABLE: "0",
  }
  const upstreams = { direct, secure: { url: `https://localhost:${secure.port}` }, proxied: direct }
  const prepared = prepare({
    upstreams,
    configure: (config) => {
      for (const [name, provider] of Object.entries(config.providers))
        if (name.startsWith("proxied")) provider["proxy"] = "${HTTPS_PROXY}"
      for (const name of Object.keys(upstreams)) {
        const targets = targetsOf([name]).filter(({ provider }) => provider === `${name}-chat`)
        config.models[name] = { strategy: "static", targets }
      }
      config.callers = [{ ...config.callers[0], allow: Object.keys(config.models) }]
    },
  })
  router = await spawnRouter({ ...prepared, env: { ...prepared.env, ...hostile } })
})

afterAll(async () => {
  await router[Symbol.asyncDispose]()
  await Promise.all([proxy.stop(), direct.stop(), secure.stop(true)])
})

const statusOf = async (model: string): Promise<number> =>
  (await router.call("chat", CHAT.request({ model, text: `for ${model}` }))).status

test("calls take the way that the configuration says, through its proxy or past any other", async () => {
  expect(await statusOf("proxied")).toBe(200)
  expect([proxy.received("for proxied").length, direct.received("for proxied").length]).toEqual([1, 0])
  expect(await statusOf("direct")).toBe(200)
  expect([proxy.received("for direct").length, direct.received("for direct").length]).toEqual([0, 1])
})

test("a certificate that nobody vouches for gets no request", async () => {
  const before = seen
  expect(await statusOf("secure")).toBe(502)
  expect(seen).toBe(before)
})

test("the start names every such variable, and requests are not printed", () => {
  const lines = router.output()
  const { BUN_CONFIG_VERBOSE_FETCH: gone, HTTPS_PROXY: _, ...named } = hostile
  expect(gone).toBe("curl")
  for (const name of Object.keys(named)) expect(lines).toContain(`The environment variable ${name} `)
  expect(lines).not.toContain("no-verify")
  expect(lines).not.toContain("for proxied")
  expect(lines.toLowerCase()).not.toContain("authorization: bearer")
})

test("check warns of it", async () => {
  const command = [process.execPath, "src/main.ts", "check", "--config", router.prepared.configPath, "--json"]
  const { PATH = "" } = process.env
  const env = { PATH, ...router.prepared.env, ...hostile }
  const child = Bun.spawn(command, { cwd: ROOT, env, stdout: "pipe" })
  const { ok, findings } = JSON.parse(await child.stdout.text()) as {
    readonly ok: boolean
    readonly findings: readonly { readonly code: string; readonly severity: string; readonly message: string }[]
  }
  expect(ok).toBe(true)
  const said = findings.filter(({ code }) => code === "environment")
  expect(said.filter(({ severity }) => severity === "warning").map(({ message }) => message.split(" ")[3])).toEqual([
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "NO_PROXY",
    "PGSSLMODE",
    "http_proxy",
    "no_proxy",
  ])
})
