/** What the cache did and saved is seen: in metrics, in reports, and by `explain`, before a call and behind it. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Explanation } from "../../../src/explain/explanation.ts"
import { cacheable, cacheOf, caching } from "../../helpers/caching.ts"
import { get } from "../../helpers/client.ts"
import { runHere } from "../../helpers/command-line.ts"
import { readExposition, type Scrape } from "../../helpers/exposition.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { groupOf } from "../../helpers/translating.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const model = groupOf("far", "chat")
const BODY = cacheable("chat", { model })
/** 1 miss, 3 hits, 1 bypass. */
const CALLS = [BODY, BODY, BODY, BODY, cacheable("chat", { model, extra: { temperature: 1 } })]
const TOKENS = SAMPLES.chat.usage.input + SAMPLES.chat.usage.output
const SAVED_NANO_USD = 3 * 138_000
let upstream: FakeUpstream
let gateway: Gateway
const ids: string[] = []

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { far: upstream },
    configure: (config) => {
      caching(config, ["far"])
      config.models["off"] = { ...config.models[model], cache: "off" }
      config.callers = config.callers.map((caller) => ({
        ...caller,
        allow: Object.keys(config.models),
        metrics_admin: true,
      }))
    },
  })
  for (const body of CALLS) ids.push((await gateway.call("chat", body)).requestId)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

async function scrape(): Promise<Scrape> {
  return readExposition((await get(gateway, "/metrics")).text)
}

function valueOf({ samples }: Scrape, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  return samples.find(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )?.value
}

test("metrics count results, reasons and savings, and gauge the memory", async () => {
  const seen = await scrape()
  const group = { group: model }
  for (const [result, count] of [
    ["hit", 3],
    ["miss", 1],
    ["bypass", 1],
  ] as const)
    expect(valueOf(seen, "smart_router_cache_requests_total", { ...group, result })).toBe(count)
  expect(valueOf(seen, "smart_router_cache_bypasses_total", { ...group, reason: "cache-temperature" })).toBe(1)
  expect(seen.sum("smart_router_cache_saved_tokens_total")).toBe(3 * TOKENS)
  expect(seen.sum("smart_router_cache_saved_cost_usd_total")).toBeCloseTo(SAVED_NANO_USD / 1e9, 12)
  expect(valueOf(seen, "smart_router_cache_entries")).toBe(1)
  const bytes = valueOf(seen, "smart_router_cache_bytes") ?? 0
  expect(bytes).toBeGreaterThan(SAMPLES.chat.unary().length)
  expect(valueOf(seen, "smart_router_cache_occupancy_ratio")).toBe(bytes / 134_217_728)
  // hits ask no target
  expect(seen.sum("smart_router_attempts_total")).toBe(2)
})

test("reports have the hit rate and what was saved, by group", async () => {
  for (const name of ["usage", "savings"]) {
    const { code, out } = await runHere(
      ["report", name, "--config", gateway.prepared.configPath, "--since", "1h", "--format", "json"],
      { env: gateway.prepared.env },
    )
    expect(code).toBe(0)
    const table = tablesIn(JSON.parse(out)).find(({ id }) => id === "cache_by_group")
    const row = Object.fromEntries((table?.columns ?? []).map(({ key }, at) => [key, table?.rows[0]?.[at]] as const))
    expect(row).toMatchObject({ group: model, calls: 5, cache_hits: 3, cache_misses: 1, cache_hit_percent: 75 })
    expect(Number(row["cache_saved_tokens"])).toBe(3 * TOKENS)
    expect(Number(row["cache_saved_usd"])).toBeCloseTo(SAVED_NANO_USD / 1e9, 12)
  }
  const { out } = await runHere(
    ["report", "usage", "--config", gateway.prepared.configPath, "--since", "1h", "--by", "cache", "--format", "csv"],
    { env: gateway.prepared.env },
  )
  for (const value of ["hit", "miss", "bypass"]) expect(out).toMatch(new RegExp(`^.*${value}`, "m"))
})

interface FoundTable {
  readonly id: string
  readonly columns: readonly { readonly key: string }[]
  readonly rows: readonly (readonly unknown[])[]
}

/** Tables anywhere in a report. */
function tablesIn(value: unknown): readonly FoundTable[] {
  if (Array.isArray(value)) return value.flatMap(tablesIn)
  if (typeof value !== "object" || value === null) return []
  const own = "columns" in value && "rows" in value ? [value as FoundTable] : []
  return [...own, ...Object.values(value).flatMap(tablesIn)]
}

async function explained(...args: readonly string[]): Promise<Explanation> {
  const { out } = await runHere(["explain", "--config", gateway.prepared.configPath, ...args, "--json"], {
    env: gateway.prepared.env,
  })
  return JSON.parse(out) as Explanation
}

function bodyFile(text: string): string {
  const file = join(gateway.directory, "body.json")
  writeFileSync(file, text)
  return file
}

test("explain says whether a request could be answered, and every reason why not", async () => {
  const ask = async (body: string): Promise<unknown> =>
    (await explained("--request", bodyFile(body), "--caller", "me-lab")).cache
  expect(await ask(BODY)).toEqual({ result: "could", reasons: [] })
  const streamed = cacheable("chat", {
    model,
    stream: true,
    extra: { temperature: 1, response_format: { type: "json_object" } },
  })
  expect(await ask(streamed)).toEqual({
    result: "bypass",
    reasons: ["cache-structured-output", "cache-streaming", "cache-temperature"],
  })
  expect(await ask(BODY.replace("{", '{"top_p":1,"top_p":0,'))).toEqual({
    result: "bypass",
    reasons: ["cache-request-shape"],
  })
  expect(await ask(cacheable("chat", { model: "off" }))).toBeNull()
  const { out } = await runHere(
    ["explain", "--config", gateway.prepared.configPath, "--request", bodyFile(BODY), "--caller", "me-lab"],
    { env: gateway.prepared.env },
  )
  expect(out).toContain("Response cache: it could answer this call")
  expect(upstream.exchanges).toHaveLength(2)
})

test("explain says what the cache did with a call that was made", async () => {
  const results: unknown[] = []
  for (const id of ids) results.push((await explained("--id", id)).cache)
  const hit = { result: "hit", reasons: [] }
  expect(results).toEqual([
    { result: "miss", reasons: [] },
    hit,
    hit,
    hit,
    { result: "bypass", reasons: ["cache-temperature"] },
  ])
})

test("an answer of the running router says the same in a header", async () => {
  expect(cacheOf(await gateway.call("chat", BODY))).toBe("hit")
  expect(cacheOf(await gateway.call("chat", cacheable("chat", { model: "off" })))).toBeNull()
})
