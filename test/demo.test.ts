/** What a newcomer does first: start the demo, paste the lines that it prints, stop it, start it again. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import Anthropic from "@anthropic-ai/sdk"
import OpenAI from "openai"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { runHere } from "./helpers/command-line.ts"
import { type DemoProcess, startDemo, temporaryFolder } from "./helpers/demo-process.ts"
import { eventually } from "./helpers/client.ts"
import { WindowlessBrowser } from "./helpers/oidc.ts"
import { at } from "./helpers/streams.ts"

const ROOT = join(import.meta.dir, "..")
const SOURCE = [process.execPath, "--no-env-file", join(ROOT, "src/main.ts")]
setDefaultTimeout(300_000)
const hasCurl = Bun.which("curl") !== null

/** The curl calls of a text, as one line each. */
function curlCalls(text: string): readonly string[] {
  return [...text.matchAll(/^curl (?:.*\\\n)*.*$/gmu)].map(([call]) => call)
}

async function shell(script: string, token: string): Promise<string> {
  const run = Bun.spawn(["sh", "-c", script], { env: { ...process.env, ROUTER_TOKEN: token }, stderr: "pipe" })
  return run.stdout.text()
}

async function requestsOf({ url, token }: DemoProcess): Promise<unknown> {
  const usage = await fetch(`${url}/v1/usage`, { headers: { authorization: `Bearer ${token}` } })
  return at(await usage.json(), "today", "requests")
}

/** One demo in its life: the tests go from its first start to the last one that is refused. */
describe("a demo", () => {
  const folder = temporaryFolder()
  let first: DemoProcess
  let counted: unknown

  beforeAll(async () => {
    first = await startDemo(SOURCE, { cwd: folder.path, args: ["--no-sample"] })
  })
  afterAll(async () => {
    await first.stop()
    folder[Symbol.dispose]()
  })

  const command = async (...words: string[]): Promise<string> => {
    const { code, out } = await runHere([...words, "--config", join(folder.path, ".demo/config.yaml")])
    expect([words, code]).toEqual([words, 0])
    return out
  }

  test.skipIf(!hasCurl)("answers the three printed curl calls and the usage call (needs curl)", async () => {
    const calls = curlCalls(first.welcome)
    expect(calls).toHaveLength(3)
    for (const call of calls) expect(await shell(call, first.token)).toContain("This is the smart-router demo provider")
    const usage = /^ +usage +(curl .*)$/mu.exec(first.welcome)?.[1]
    expect(JSON.parse(await shell(usage!, first.token))).toMatchObject({ today: { requests: 3, errors: 0 } })
  })

  test.skipIf(!hasCurl)("answers every curl call of the README verbatim (needs curl)", async () => {
    const calls = curlCalls(readFileSync(join(ROOT, "README.md"), "utf8"))
    expect(calls[0]).toContain("http://127.0.0.1:8080/v1/chat/completions")
    expect(calls.length).toBeGreaterThanOrEqual(5)
    for (const call of calls) {
      const answer = await shell(
        `${call.replace("curl", "curl --fail")} `.replace("http://127.0.0.1:8080", first.url),
        first.token,
      )
      expect([call, answer.length > 0]).toEqual([call, true])
    }
    const answer = await shell(calls[0]!.replace("http://127.0.0.1:8080", first.url), first.token)
    expect(JSON.parse(answer).choices[0].message.content).toContain("This is the smart-router demo provider")
  })

  test("answers each dialect's official client, aliases and failover included", async () => {
    const openai = new OpenAI({ apiKey: first.token, baseURL: `${first.url}/v1`, maxRetries: 0 })
    const anthropic = new Anthropic({ apiKey: first.token, baseURL: first.url, maxRetries: 0 })
    const messages = [{ role: "user" as const, content: "Hello" }]
    const answersOf = async (model: string): Promise<void> => {
      const [chat, response, message] = await Promise.all([
        openai.chat.completions.stream({ model, messages }).finalChatCompletion(),
        openai.responses.stream({ model, input: "Hello" }).finalResponse(),
        anthropic.messages.stream({ model, messages, max_tokens: 100 }).finalMessage(),
      ])
      expect(chat.choices[0]!.message.content).toContain("in the OpenAI Chat Completions dialect")
      expect(response.output_text).toContain("in the OpenAI Responses dialect")
      expect(message.content[0]).toMatchObject({ text: expect.stringContaining("in the Anthropic Messages dialect") })
    }
    await Promise.all(["default", "fast", "reliable", "claude-opus-5-5"].map(answersOf))
  })

  test("prints a link that signs in once, to reports of the calls just made, and a password for later", async () => {
    const link = /^ +console +(\S+)$/mu.exec(first.welcome)?.[1]
    const password = /with the password (\S+)$/mu.exec(first.welcome)?.[1]
    const ahead = await fetch(link!, { headers: { "sec-purpose": "prefetch;prerender" } })
    expect([ahead.status, ahead.headers.get("set-cookie")]).toEqual([503, null])
    const entered = await new WindowlessBrowser().ask(link!)
    expect([entered.status, entered.text.includes('content="0;url=/admin/reports/"')]).toEqual([200, true])
    expect((await new WindowlessBrowser().ask(link!)).status).toBe(401)
    const browser = new WindowlessBrowser()
    const form = new URLSearchParams({ username: "demo", password: password ?? "" }).toString()
    const headers = { "content-type": "application/x-www-form-urlencoded" }
    const page = await browser.ask(`${first.url}/admin/auth/login`, { method: "POST", headers, body: form })
    expect([page.status, page.headers.get("location")]).toEqual([303, "/admin/reports/"])
    const calls = await eventually("the calls are in the report", async () => {
      const { text } = await browser.ask(`${first.url}/admin/reports/api/report/calls?limit=1`)
      return at(JSON.parse(text), "pagination", "returned") === 1 ? text : undefined
    })
    expect(calls).toContain("demo-")
  })

  test("lets commands read its configuration while it runs", async () => {
    const call = await fetch(`${first.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${first.token}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "reliable", messages: [{ role: "user", content: "Hello" }] }),
    })
    expect(call.status).toBe(200)
    await call.text()
    await command("check")
    expect(await command("explain", "--id", call.headers.get("x-request-id")!)).toContain("demo-broken")
  })

  test("shows its calls in a report, while it runs", async () => {
    const out = await command("report", "--since", "1h")
    for (const shown of ["## Summary", "demo-chat / demo-broken", "## Limits", "demo-large"])
      expect(out).toContain(shown)
    expect(first.welcome).toContain("smart-router report --config .demo/config.yaml")
    const told = JSON.parse(await command("report", "summary", "--since", "1h", "--format", "json"))
    expect(told.tables[0].rows[0][2]).toBe(await requestsOf(first))
    expect(await command("report", "--verify", "--since", "1h")).toContain("are what the rows add up to")
  })

  test("lets commands read it when it has stopped", async () => {
    counted = await requestsOf(first)
    expect(counted).toBeGreaterThan(0)
    expect(await first.stop("SIGINT")).toBe(0)
    expect(await command("replay", "--since", "1h")).toContain("reliable")
  })

  test("lets its files be read by their owner only, and keeps the token out of its configuration", () => {
    for (const [path, mode] of [
      [".demo", 0o700],
      [".demo/token", 0o600],
      [".demo/config.yaml", 0o600],
      [".demo/env.json", 0o600],
      [".demo/state/usage.sqlite", 0o600],
    ] as const) {
      expect([path, statSync(join(folder.path, path)).mode & 0o777]).toEqual([path, mode])
    }
    expect(readFileSync(join(folder.path, ".demo/config.yaml"), "utf8")).not.toContain(first.token)
  })

  test("uses its state, its token and added variables again", async () => {
    const path = join(folder.path, ".demo/env.json")
    const variables = JSON.parse(readFileSync(path, "utf8")) as Record<string, string>
    expect(Object.keys(variables)).toEqual(["DEMO_PROVIDER_URL", "DEMO_PROVIDER_KEY", "DEMO_ADMIN_HASH"])
    writeFileSync(path, JSON.stringify({ ...variables, OWN_KEY: "kept" }))
    const second = await startDemo(SOURCE, { cwd: folder.path })
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ OWN_KEY: "kept" })
    expect(second.token).toBe(first.token)
    expect(second.welcome).toContain("DEMO")
    expect(await requestsOf(second)).toBe(counted)
    expect(await second.stop("SIGTERM")).toBe(0)
  })

  test("refuses a configuration that does not know the token, and replaces nothing", async () => {
    const before = readFileSync(join(folder.path, ".demo/config.yaml"), "utf8")
    await Bun.write(join(folder.path, ".demo/token"), "rtr_someone_elses\n")
    const run = Bun.spawn([...SOURCE, "demo", "--port", "0"], { cwd: folder.path, stderr: "pipe" })
    expect(await run.exited).toBe(1)
    expect(await run.stderr.text()).toContain("does not know the token beside it")
    expect(readFileSync(join(folder.path, ".demo/config.yaml"), "utf8")).toBe(before)
  })
})

test("a new demo says that it gets sample data, and answers meanwhile", async () => {
  using folder = temporaryFolder()
  const demo = await startDemo(SOURCE, { cwd: folder.path })
  expect(demo.welcome).toContain("SAMPLE DATA")
  const calls = curlCalls(demo.welcome)
  expect(calls).toHaveLength(3)
  expect(await requestsOf(demo)).toBe(0)
  await demo.stop("SIGKILL")
})

test("a demo whose port is in use says so in a clear sentence, ends with exit code 1 and writes nothing", async () => {
  using folder = temporaryFolder()
  const other = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } })
  try {
    const run = Bun.spawn([...SOURCE, "demo", "--port", String(other.port)], { cwd: folder.path, stderr: "pipe" })
    expect(await run.exited).toBe(1)
    expect(await run.stderr.text()).toContain(`The port ${other.port} is in use.`)
    expect(await run.stdout.text()).toBe("")
    expect(existsSync(join(folder.path, ".demo"))).toBe(false)
  } finally {
    other.stop(true)
  }
})
