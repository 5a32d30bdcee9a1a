import { expect, test } from "bun:test"
import { readExposition, type Scrape } from "../../test/helpers/exposition.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import { NO_REQUEST_FACTS } from "../dialects/dialect.ts"
import type { UsageRow } from "../ledger/record.ts"
import { writeCallFamilies } from "./call-families.ts"
import { Exposition } from "./exposition.ts"
import { Metrics } from "./metrics.ts"

const TS = 1_764_200_000_000
const CALL = { attempts: [], facts: NO_REQUEST_FACTS, bodyWaitMs: 0, notes: { redaction: null } }

function count(metrics: Metrics, usage: Partial<UsageRow>): void {
  metrics.count(CALL, null, { ...sampleCall(TS, 1, { target_provider: null, ...usage }), attempts: [] }, 0)
}

function written(metrics: Metrics, callerLabels: readonly ("caller" | "project" | "environment")[]): Scrape {
  const out = new Exposition({})
  writeCallFamilies(out, metrics, { names: "both", callerLabels })
  return readExposition(out.text())
}

const FAMILY = "smart_router_caller_requests_total"
const samplesOf = ({ families }: Scrape): readonly unknown[] =>
  (families.get(FAMILY)?.samples ?? []).map(({ labels, value }) => [labels, value])

test("callers have the labels that are asked for, and one series for each set of them", () => {
  const metrics = new Metrics()
  for (const [caller_id, caller_project] of [
    ["a", "lab"],
    ["b", "lab"],
    ["c", "shop"],
  ] as const)
    count(metrics, { caller_id, caller_project, error: "rpm-exceeded", status: 429 })
  expect(samplesOf(written(metrics, ["project"]))).toEqual([
    [{ project: "lab" }, 2],
    [{ project: "shop" }, 1],
  ])
  expect(samplesOf(written(metrics, ["caller", "environment"]))[0]).toEqual([{ caller: "a", environment: "prod" }, 1])
  expect(samplesOf(written(metrics, []))).toEqual([[{}, 3]])
  expect(written(metrics, ["project"]).sum("smart_router_limit_refusals_total", { project: "lab" })).toBe(2)
})

test("callers beyond the bound are one, and none of their calls is lost", () => {
  const metrics = new Metrics()
  metrics.callers.most = 3
  for (let caller = 0; caller < 50; caller++) count(metrics, { caller_id: `c${caller}` })
  count(metrics, { caller_id: "c1" })
  const scrape = written(metrics, ["caller"])
  expect(samplesOf(scrape)).toEqual([
    [{ caller: "c0" }, 1],
    [{ caller: "c1" }, 2],
    [{ caller: "c2" }, 1],
    [{ caller: "(other)" }, 47],
  ])
  expect(scrape.sum("smart_router_caller_tokens_total")).toBe(51 * 1555)
})

test("a caller that moves to another project keeps what it has counted in the first", () => {
  const metrics = new Metrics()
  for (const caller_project of ["lab", "shop", "lab"]) count(metrics, { caller_id: "a", caller_project })
  const projects = written(metrics, ["project"])
  expect(projects.sum(FAMILY, { project: "lab" })).toBe(2)
  expect(projects.sum(FAMILY, { project: "shop" })).toBe(1)
  expect(samplesOf(written(metrics, ["caller"]))).toEqual([[{ caller: "a" }, 3]])
})

test("the switch of names drops the old ones, or the new ones", () => {
  const metrics = new Metrics()
  count(metrics, {})
  const families = (names: "old" | "both" | "new"): Set<string> => {
    const out = new Exposition({})
    writeCallFamilies(out, metrics, { names, callerLabels: [] })
    return new Set(readExposition(out.text()).families.keys())
  }
  const [old, both, fresh] = [families("old"), families("both"), families("new")]
  expect(old.union(fresh)).toEqual(both)
  expect([...old.difference(fresh)]).toEqual(["gen_ai_client_token_usage", "gen_ai_client_operation_duration_seconds"])
  expect([...fresh.difference(old)].every((name) => name.startsWith("gen_ai_client_inference_"))).toBe(true)
  expect(fresh.difference(old).size).toBe(9)
})
