import { afterAll, expect, test } from "bun:test"
import { systemClock } from "../system/clock.ts"
import { systemRandom } from "../system/random.ts"
import { compile } from "../config/compile/compile.ts"
import { readConfiguration } from "../config/reading.ts"
import { prepare, PRICES } from "../../test/helpers/config.ts"
import { withoutCap } from "../../test/helpers/lies.ts"
import { MODEL, MODEL_KEY, startModelServer } from "../../test/helpers/model-server.ts"
import { checksBy } from "./run-checks.ts"
import { startRouter } from "./start.ts"

const server = startModelServer({ hears: withoutCap })
const prepared = prepare({
  upstreams: { far: server },
  env: { KEY_FAR: MODEL_KEY },
  configure: (config) => {
    for (const provider of Object.values(config.providers)) provider["models"] = { m1: { model: MODEL, ...PRICES } }
    config.models["default"]!["targets"] = [{ provider: "far-chat", model_ref: "m1" }]
    config.models["default"]!["activation"] = "required"
  },
})
afterAll(() => {
  server[Symbol.dispose]()
  prepared.remove()
})

test("a serving router checks what is due, directly and as clients of every dialect", async () => {
  const { configPath, env } = prepared
  const reading = await readConfiguration({ path: configPath, env })
  const { config } = reading
  if (config === null) throw new Error(JSON.stringify(reading.findings))
  const group = compile(config, { userAgent: "test" }).groups.get("default")!
  const runChecks = checksBy({
    configPath,
    env,
    start: startRouter,
    current: () => ({ ...reading, config }),
    clock: systemClock,
    random: systemRandom(),
  })
  const order = { group, maxNanoUsd: 1_000_000_000, signal: new AbortController().signal }
  const [target] = group.targets
  const records = await runChecks({
    ...order,
    target: target!,
    capabilities: ["text", "caps"],
  })
  const told = records.map(({ capability, result, group: through, dialect }) => [capability, result, through, dialect])
  const proven = (through: string | null, dialect: string): (string | null)[][] => [
    ["entitlement", "pass", through, dialect],
    ["text", "pass", through, dialect],
  ]
  expect(told).toEqual([
    ...proven(null, "openai-chat"),
    ["caps", "fail", null, "openai-chat"],
    ...proven("default", "openai-chat"),
    ...proven("default", "openai-responses"),
    ...proven("default", "anthropic"),
  ])
  const unpriced = { ...target!, prices: { ...target!.prices, output: null } }
  expect(await runChecks({ ...order, target: unpriced, capabilities: ["text"] })).toHaveLength(8)
  expect(await runChecks({ ...order, maxNanoUsd: 1, target: target!, capabilities: ["text"] })).toEqual([])
})
