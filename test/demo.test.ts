/** What a newcomer does first: start the demo, paste the lines that it prints, stop it, start it again. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import Anthropic from "@anthropic-ai/sdk"
import OpenAI from "openai"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { runHere } from "./helpers/command-line.ts"
import { type DemoProcess, startDemo, temporaryFolder } from "./helpers/demo-process.ts"

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

describe("a running demo", () => {
  const folder = temporaryFolder()
  let demo: DemoProcess

  beforeAll(async () => {
    demo = await startDemo(SOURCE, { cwd: folder.path })
  })
  afterAll(async () => {
    await demo.stop()
    folder[Symbol.dispose]()
  })

  test.skipIf(!hasCurl)("answers the three printed curl calls and the usage call (needs curl)", async () => {
    const calls = curlCalls(demo.welcome)
    expect(calls).toHaveLength(3)
    for (const call of calls) expect(await shell(call, demo.token)).toContain("This is the smart-router demo provider")
    const usage = /^ +usage +(curl .*)$/mu.exec(demo.welcome)?.[1]
    expect(JSON.parse(await shell(usage!, demo.token))).toMatchObject({ today: { requests: 3, errors: 0 } })
  })

  test.skipIf(!hasCurl)("answers every curl call of the README verbatim (needs curl)", async () => {
    const calls = curlCalls(readFileSync(join(ROOT, "README.md"), "utf8"))
    expect(calls[0]).toContain("http://127.0.0.1:8080/v1/chat/completions")
    expect(calls.length).toBeGreaterThanOrEqual(5)
    for (const call of calls) {
      const answer = await shell(
        `${call.replace("curl", "curl --fail")} `.replace("http://127.0.0.1:8080", demo.url),
        demo.token,
      )
      expect([call, answer.length > 0]).toEqual([call, true])
    }
    const first = await shell(calls[0]!.replace("http://127.0.0.1:8080", demo.url), demo.token)
    expect(JSON.parse(first).choices[0].message.content).toContain("This is the smart-router demo provider")
  })

  test("answers each dialect's official client, aliases and failover included", async () => {
    const openai = new OpenAI({ apiKey: demo.token, baseURL: `${demo.url}/v1`, maxRetries: 0 })
    const anthropic = new Anthropic({ apiKey: demo.token, baseURL: demo.url, maxRetries: 0 })
    const messages = [{ role: "user" as const, content: "Hello" }]
    for (const model of ["default", "fast", "reliable", "claude-opus-5-5"]) {
      const chat = await openai.chat.completions.stream({ model, messages }).finalChatCompletion()
      expect(chat.choices[0]!.message.content).toContain("in the OpenAI Chat Completions dialect")
      const response = await openai.responses.stream({ model, input: "Hello" }).finalResponse()
      expect(response.output_text).toContain("in the OpenAI Responses dialect")
      const message = await anthropic.messages.stream({ model, messages, max_tokens: 100 }).finalMessage()
      expect(message.content[0]).toMatchObject({ text: expect.stringContaining("in the Anthropic Messages dialect") })
    }
  })
})

describe("a demo that is stopped and started again", () => {
  const folder = temporaryFolder()
  let first: DemoProcess
  let requestId = ""

  beforeAll(async () => {
    first = await startDemo(SOURCE, { cwd: folder.path })
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

  test("lets commands read its configuration while it runs", async () => {
    const call = await fetch(`${first.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${first.token}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "reliable", messages: [{ role: "user", content: "Hello" }] }),
    })
    expect(call.status).toBe(200)
    await call.text()
    requestId = call.headers.get("x-request-id")!
    await command("check")
    expect(await command("explain", "--id", requestId)).toContain("demo-broken")
  })

  test("lets commands read it when it has stopped", async () => {
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
    expect(Object.keys(variables)).toEqual(["DEMO_PROVIDER_URL", "DEMO_PROVIDER_KEY"])
    writeFileSync(path, JSON.stringify({ ...variables, OWN_KEY: "kept" }))
    const second = await startDemo(SOURCE, { cwd: folder.path })
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ OWN_KEY: "kept" })
    expect(second.token).toBe(first.token)
    expect(second.welcome).toContain("DEMO")
    const usage = await fetch(`${second.url}/v1/usage`, { headers: { authorization: `Bearer ${second.token}` } })
    expect(await usage.json()).toMatchObject({ today: { requests: 1 } })
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
