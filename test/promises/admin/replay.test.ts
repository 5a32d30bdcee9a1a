/** `smart-router replay` over calls that were made through the door. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { GroupFigures } from "../../../src/replay/comparison.ts"
import type { ReplayReport } from "../../../src/replay/replay.ts"
import { runHere, smartRouter } from "../../helpers/command-line.ts"
import { targetsOf, type Config } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { replayWith, reportWith } from "../../helpers/replayed.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

/** As many as say something about latency. */
const EACH = 20
let upstreams: FakeUpstream[]
let gateway: Gateway

beforeAll(async () => {
  const [first, second] = await Promise.all([FakeUpstream.start(), FakeUpstream.start()])
  upstreams = [first.otherwise(vendorAnswer("first")), second.otherwise(vendorAnswer("second"))]
  gateway = await startGateway({
    upstreams: { first, second },
    configure: (config) => {
      config.server["decision_telemetry"] = { enabled: true }
      // the demo of a cheaper target: a tenth of the price
      for (const { dialect } of ALL_SAMPLES) {
        const models = config.providers[`second-${dialect}`]?.["models"] as { m1: Record<string, number> }
        for (const [key, value] of Object.entries(models.m1)) if (typeof value === "number") models.m1[key] = value / 10
      }
    },
  })
  for (const sample of ALL_SAMPLES)
    for (let sent = 0; sent < EACH; sent++) await gateway.call(sample.dialect, sample.request({ text: `call ${sent}` }))
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all(upstreams.map((upstream) => upstream.stop()))
})

async function figuresWith(change: (config: Config) => void): Promise<{ report: ReplayReport; group: GroupFigures }> {
  const report = await reportWith(gateway, change)
  const [group] = report.groups
  if (group === undefined) throw new Error("no group")
  return { report, group }
}

const ALL = EACH * 3

describe("decided again", () => {
  test("with the same configuration nothing changes", async () => {
    const { group } = await figuresWith(() => {})
    expect(group).toMatchObject({ group: "default", calls: ALL, decided: ALL, moved: 0, refused: 0 })
    expect([group.cost.calls, group.cost.unknown, group.latency.calls, group.latency.unknown]).toEqual([ALL, 0, ALL, 0])
    expect(group.cost.after_nano_usd).toBe(group.cost.before_nano_usd)
    expect(group.cost.before_nano_usd).toBeGreaterThan(0)
    expect(group.latency.after_p50_ms).toBe(group.latency.before_p50_ms)
  })

  test("the other target first: the mix moves, the cost is a tenth, its latency is unknown", async () => {
    const { report, group } = await figuresWith((config) => {
      config.models["default"] = { strategy: "failover", targets: targetsOf(["second", "first"]) }
    })
    expect(group).toMatchObject({ decided: ALL, moved: ALL })
    expect(group.cost.after_nano_usd / group.cost.before_nano_usd).toBeCloseTo(0.1, 2)
    expect(group.cost).toMatchObject({ calls: ALL, unknown: 0 })
    expect(group.latency.unknown).toBe(ALL)
    expect(group.targets).toContainEqual({
      target: "second-chat/vendor/model-1",
      calls_before: 0,
      calls_after: EACH,
      configured: true,
    })
    expect(report.notes.join(" ")).toContain("say nothing about latency")
  })

  test("weighted and dynamic_score are drawn the same way every time", async () => {
    for (const strategy of ["weighted", "dynamic_score"]) {
      const change = (config: Config): void => {
        config.models["default"] = { strategy, targets: targetsOf(["first", "second"]) }
      }
      const [one, another] = [await figuresWith(change), await figuresWith(change)]
      expect(one).toEqual(another)
      expect(one.group.decided).toBe(ALL)
    }
  })

  test("calls whose targets a filter takes out count as refused", async () => {
    const { group } = await figuresWith((config) => {
      config.models["default"] = { strategy: "static", targets: targetsOf(["first"], { tool_only: true }) }
    })
    expect(group).toMatchObject({ decided: ALL, refused: ALL, refusals: { "no-eligible-target": ALL } })
  })

  test("what cannot be decided again is counted by its reason", async () => {
    const gone = await figuresWith((config) => {
      config.models["renamed"] = config.models["default"] ?? {}
      delete config.models["default"]
      for (const caller of config.callers) caller["allow"] = ["renamed"]
    })
    expect(gone.group).toMatchObject({ decided: 0, skipped: { "no-group": ALL } })
    const forbidden = await figuresWith((config) => {
      config.models["other"] = { strategy: "static", targets: targetsOf(["first"]) }
      for (const caller of config.callers) caller["allow"] = ["other"]
    })
    expect(forbidden.group).toMatchObject({ decided: 0, skipped: { "not-allowed": ALL } })
  })
})

test("a process of its own prints one block for each group", async () => {
  const { configPath, env } = gateway.prepared
  const { code, out, err } = await smartRouter(["replay", "--config", configPath], { env })
  expect([code, err]).toEqual([0, ""])
  expect(out).toContain(`Group default: ${ALL} calls, ${ALL} decided again`)
  expect(out).toMatch(/ {2}cost {5}\$\S+ -> \$\S+ \(0\.0 %\) for 60 calls/)
})

test("a usage database that is not there ends with exit code 1 and a sentence", async () => {
  const { code, err } = await replayWith(gateway, (config) => {
    config.server["usage_db"] = { path: "elsewhere/usage.sqlite" }
  })
  expect(code).toBe(1)
  expect(err).toContain("cannot be read")
})

test("a usage database that is none ends with exit code 1 and the reason", async () => {
  writeFileSync(join(gateway.directory, "letter.sqlite"), "this is a letter to my aunt, and no database. ".repeat(50))
  const { code, err, out } = await replayWith(gateway, (config) => {
    config.server["usage_db"] = { path: "letter.sqlite" }
  })
  expect([code, out]).toEqual([1, ""])
  expect(err).toMatch(/letter\.sqlite cannot be read: file is not a database\./)
})

test("a configuration with errors ends with exit code 1, and the findings with their places", async () => {
  const { code, err, out } = await replayWith(gateway, (config) => {
    config.models["default"] = { strategy: "statik", targets: [{ provider: "nobody", model_ref: "m1" }] }
  })
  expect([code, out]).toEqual([1, ""])
  expect(err).toContain("new.yaml")
  expect(err).toContain("models.default.strategy")
})

test("targets under a new name, and groups that nobody called, are named in the notes", async () => {
  const { report, group } = await figuresWith((config) => {
    for (const { dialect } of ALL_SAMPLES) {
      config.providers[`renamed-${dialect}`] = config.providers[`first-${dialect}`] ?? {}
      delete config.providers[`first-${dialect}`]
    }
    config.models["default"] = { strategy: "static", targets: targetsOf(["renamed"]) }
    config.models["fresh"] = { strategy: "static", targets: targetsOf(["second"]) }
  })
  expect(group).toMatchObject({ moved: ALL, decided: ALL })
  expect(group.targets.filter(({ configured }) => !configured).map(({ calls_after }) => calls_after)).toEqual([0, 0, 0])
  const notes = report.notes.join(" ")
  expect(notes).toContain("does not name first-chat/vendor/model-1, first-messages/vendor/model-1")
  expect(notes).toContain("No recorded call named fresh.")
})

test.each(["week", "0d", "1w", "-1d", "7", "7 d", "1.5h", "1234567890d"])(
  "--since %s is no span of time",
  async (since) => {
    const { code, err } = await runHere(["replay", "--config", gateway.prepared.configPath, `--since=${since}`])
    expect(code).toBe(2)
    expect(err).toContain("is no span of time")
  },
)

test("--since takes what the configuration takes", async () => {
  for (const since of ["90m", "999999999d"])
    expect((await replayWith(gateway, () => {}, "--since", since)).out).toContain(`${ALL} calls: ${ALL} decided again`)
})
