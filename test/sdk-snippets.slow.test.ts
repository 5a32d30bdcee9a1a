/** The SDKs that are no packages of this repository run as docs/clients.md writes them, where a folder of them is named. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import path from "node:path"
import { FakeUpstream } from "./helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "./helpers/gateway.ts"
import { applied, ran, snippetOf } from "./helpers/snippets.ts"
import { vendorAnswer } from "./helpers/vendor.ts"

const PACKAGES = path.join(process.env["SMART_ROUTER_SDKS"] ?? "", "node_modules")
const MISSING = process.env["SMART_ROUTER_SDKS"] === undefined || !existsSync(PACKAGES)

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer("Hello from afar"))
  gateway = await startGateway({ upstreams: { upstream } })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

describe.skipIf(MISSING)("SDKs (skipped where SMART_ROUTER_SDKS names no folder of theirs)", () => {
  test.each([
    ["openai", 2],
    ["@anthropic-ai/sdk", 1],
    ["Vercel AI SDK", 3],
    ["LangChain", 3],
    ["OpenAI Agents SDK", 1],
  ])("%s answers %d times", async (section, answers) => {
    const code = applied(snippetOf("docs/clients.md", section, "ts"), { url: gateway.url, group: "default" })
    const printed = await ran(code, PACKAGES, gateway.token)
    expect(printed.split("Hello from afar").length - 1).toBe(answers)
  })
})
