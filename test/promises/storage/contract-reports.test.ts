/** What a contract tells: callers its name and its notes, the ledger what was promised and what came of it. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { get } from "../../helpers/client.ts"
import { targetsOf } from "../../helpers/config.ts"
import { rowsOf } from "../../helpers/decided.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { allowAll } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const DAY_MS = 86_400_000
const before = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString()
const TOLD = { expose_workload_labels: true, expose_quality_floor_bucket: true }

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      const group = (contract: object, validation: object = {}): Record<string, unknown> => ({
        strategy: "static",
        targets: targetsOf(["upstream"], { validation }),
        contract,
      })
      const evidence = { status: "passed", workload: "reviews", quality_score: 0.8, validated_at: before(10) }
      const floor = { min_eval_quality_score: 0.78, max_eval_age_days: 40 }
      const named = {
        display_name: "Coding, big",
        caller_visible_notes: "For reviews.",
        intended_workloads: ["coding", "x"],
      }
      config.models["told"] = group({ ...named, quality_floor: floor, reporting: TOLD }, evidence)
      config.models["silent"] = group({ ...named, quality_floor: floor }, evidence)
      config.models["bare"] = group({ reporting: TOLD })
      config.models["old"] = group({ quality_floor: floor }, { ...evidence, validated_at: before(400) })
      for (const [name, days] of [
        ["week", 6],
        ["quarter", 89],
        ["year", 364],
        ["ages", 366],
      ] as const)
        config.models[name] = group({}, { ...evidence, validated_at: before(days) })
      allowAll(config)
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

async function rowOf(model: string, status = 200): Promise<unknown> {
  const answer = await gateway.call("chat", SAMPLES.chat.request({ model }))
  expect([model, answer.status]).toEqual([model, status])
  const rows = rowsOf(gateway.directory, "request_contracts", answer.requestId)
  return rows.map((row) =>
    Object.fromEntries(Object.entries(row).filter(([name, value]) => name !== "request_id" && value !== null)),
  )
}

const SERVED = { target_validation_status: "passed", target_validation_workload: "reviews" }

test("rows say what was promised where the contract says so, and what stands behind the target anyway", async () => {
  const aged = { ...SERVED, target_validation_age_bucket: "7d-30d" }
  expect(await rowOf("told")).toEqual([{ contract_bucket: "75-90", contract_workload: "coding", ...aged }])
  expect(await rowOf("silent")).toEqual([aged])
  expect(await rowOf("bare")).toEqual([{ contract_bucket: "none" }])
  expect(await rowOf("default")).toEqual([])
  for (const [model, age] of [
    ["week", "lt-7d"],
    ["quarter", "30d-90d"],
    ["year", "90d-365d"],
    ["ages", "gt-365d"],
  ] as const)
    expect(await rowOf(model)).toEqual([{ ...SERVED, target_validation_age_bucket: age }])
})

test("a call that no target could keep the promise for says which", async () => {
  expect(await rowOf("old", 400)).toEqual([{ contract_failure_reason: "contract-validation-expired" }])
  const [sample] = ALL_SAMPLES
  const answer = await gateway.call("chat", sample!.request({ model: "old" }))
  expectError(answer, "chat", 400, "no-eligible-target")
})

test("lists of models show the name and the notes, in the words of each list", async () => {
  const list = parsed(await get(gateway, "/v1/models?client_version=0.169.0"))
  const entryOf = (entries: unknown, key: string, id: string): unknown =>
    (entries as readonly unknown[]).find((entry) => at(entry, key) === id)
  const told = { display_name: "Coding, big", description: "For reviews." }
  expect(entryOf(at(list, "data"), "id", "told")).toMatchObject(told)
  expect(entryOf(at(list, "models"), "slug", "told")).toMatchObject(told)
  expect(Object.keys(entryOf(at(list, "data"), "id", "bare") as object)).toEqual([
    "id",
    "object",
    "created",
    "owned_by",
  ])
  expect(entryOf(at(list, "models"), "slug", "bare")).toMatchObject({ display_name: "bare", description: null })
  const headers = { "anthropic-version": "2023-06-01" }
  const anthropic = at(parsed(await get(gateway, "/v1/models", { headers })), "data")
  expect(entryOf(anthropic, "id", "told")).toMatchObject({ type: "model", display_name: "Coding, big" })
  expect(entryOf(anthropic, "id", "bare")).toMatchObject({ display_name: "bare" })
  expect(parsed(await get(gateway, "/v1/models/told"))).toMatchObject({ id: "told", ...told })
})
