/** What `validate` proves is what a group with `activation: required` serves: in its own dialect, and across. */
import { afterAll, expect, test } from "bun:test"
import { runHere } from "../../helpers/command-line.ts"
import { prepare, PRICES } from "../../helpers/config.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { withoutCap } from "../../helpers/lies.ts"
import { MODEL, MODEL_KEY, startModelServer } from "../../helpers/model-server.ts"

const server = startModelServer()
const prepared = prepare({
  upstreams: { far: server },
  env: { KEY_FAR: MODEL_KEY },
  configure: (config) => {
    for (const provider of Object.values(config.providers)) provider["models"] = { m1: { model: MODEL, ...PRICES } }
    const group = config.models["default"]!
    group["targets"] = [{ provider: "far-chat", model_ref: "m1" }]
    group["activation"] = "required"
  },
})
afterAll(() => {
  server[Symbol.dispose]()
  prepared.remove()
})

const CALLS = {
  chat: { model: "default", messages: [{ role: "user", content: "Hello" }] },
  responses: { model: "default", input: "Hello" },
  messages: { model: "default", max_tokens: 50, messages: [{ role: "user", content: "Hello" }] },
} as const
const DIALECTS = ["chat", "responses", "messages"] as const

async function statuses(): Promise<readonly number[]> {
  const gateway = await startGateway(prepared)
  const answers = []
  for (const dialect of DIALECTS) answers.push((await gateway.call(dialect, JSON.stringify(CALLS[dialect]))).status)
  await gateway.stop()
  return answers
}

async function validate(): Promise<number> {
  const args = ["--capability", "text", "--capability", "budget", "--capability", "caps"]
  return (await runHere(["validate", "--config", prepared.configPath, ...args], { env: prepared.env })).code
}

test("calls are refused before, served after, and refused where a check has failed", async () => {
  expect(await statuses()).toEqual([400, 400, 400])
  server.lie = { hears: withoutCap }
  expect(await validate()).toBe(1)
  // calls with a cap need more than those without
  expect(await statuses()).toEqual([200, 200, 400])
  server.lie = {}
  expect(await validate()).toBe(0)
  expect(await statuses()).toEqual([200, 200, 200])
})
