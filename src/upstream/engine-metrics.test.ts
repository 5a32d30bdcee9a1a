import { afterEach, expect, test } from "bun:test"
import { once } from "node:events"
import { buffer } from "node:stream/consumers"
import { createGzip } from "node:zlib"
import type { EngineMetricsRule } from "../config/snapshot.ts"
import { systemClock } from "../system/clock.ts"
import { silentLog } from "../system/log.ts"
import { EngineMetrics } from "./engine-metrics.ts"
import type { EngineReading } from "./engine-text.ts"

const GOOD =
  'vllm:num_requests_running{engine="0"} 2\nvllm:num_requests_waiting{engine="0"} 1\nvllm:kv_cache_usage_perc 0.5\n'
const READING: EngineReading = { running: 2, waiting: 1, cacheUsage: 0.5 }

type Play = (request: Request) => Response | Promise<Response>

let play: Play = () => new Response(GOOD)
const asked: string[] = []
const engine = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request) => {
    asked.push(new URL(request.url).pathname)
    return play(request)
  },
})
const rule = (more: Partial<EngineMetricsRule> = {}): EngineMetricsRule => ({
  engine: "vllm",
  url: `http://127.0.0.1:${engine.port}/metrics`,
  intervalMs: 10,
  timeoutMs: 60_000,
  maxResponseBytes: 100_000,
  tls: null,
  proxy: null,
  ...more,
})

interface Heard {
  readonly readings: (EngineReading | null)[]
  readonly untils: number[]
  readonly warnings: unknown[]
  readonly metrics: EngineMetrics
}

const open: EngineMetrics[] = []
function listen(given: EngineMetricsRule = rule()): Heard {
  const heard: Omit<Heard, "metrics"> = { readings: [], untils: [], warnings: [] }
  const metrics = new EngineMetrics({
    clock: systemClock,
    log: { ...silentLog, warn: (_, fields) => void heard.warnings.push(fields) },
    userAgent: "test",
    onReading: (_, reading, countsUntil) => {
      heard.readings.push(reading)
      heard.untils.push(countsUntil)
    },
  })
  open.push(metrics)
  metrics.follow(new Map([["p", given]]))
  return { ...heard, metrics }
}

afterEach(() => {
  for (const metrics of open.splice(0)) metrics.close()
  asked.length = 0
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await Bun.sleep(5)
}

test("an engine is asked again and again, and what it says counts for a while", async () => {
  play = () => new Response(GOOD)
  const { readings, untils, warnings } = listen()
  await until(() => readings.length >= 3)
  expect(readings.slice(0, 3)).toEqual([READING, READING, READING])
  expect(untils[1]).toBeGreaterThan(untils[0] ?? Infinity)
  expect(warnings).toEqual([])
})

const LATE = "no answer in time"
const hostile: readonly (readonly [string, Play, string])[] = [
  ["does not answer", () => new Promise<Response>(() => {}), LATE],
  [
    "begins and never ends",
    () => new Response(new ReadableStream({ start: (controller) => controller.enqueue(Buffer.from(GOOD)) })),
    LATE,
  ],
  [
    "floods",
    () => new Response(new ReadableStream({ pull: (controller) => controller.enqueue(Buffer.alloc(65_536, "x")) })),
    "the answer is too long",
  ],
  ["redirects", () => Response.redirect(`http://127.0.0.1:${engine.port}/elsewhere`, 302), "status 302"],
  ["fails", () => new Response("no", { status: 500 }), "status 500"],
  ["answers with HTML", () => new Response("<html></html>"), "the answer does not hold the engine's metrics"],
  ["lies", () => new Response(GOOD.replace(" 2", " -2")), "the answer does not hold the engine's metrics"],
]
test.each(hostile)(
  "an engine that %s gives no reading, is told once, and is believed again later",
  async (_, trouble, reason) => {
    play = () => new Response(GOOD)
    const { readings, warnings } = listen(reason === LATE ? rule({ timeoutMs: 500 }) : rule())
    await until(() => readings.length > 0)
    play = trouble
    await until(() => warnings.length > 0)
    expect(warnings).toEqual([{ provider: "p", reason }])
    expect(asked).not.toContain("/elsewhere")
    const times = asked.length
    await until(() => asked.length > times + 1)
    expect(warnings).toHaveLength(1)
    expect(readings.filter((reading) => reading !== null).every((reading) => Bun.deepEquals(reading, READING))).toBe(
      true,
    )
    const before = readings.length
    play = () => new Response(GOOD)
    await until(() => readings.length > before + 1)
    expect(readings.at(-1)).toEqual(READING)
  },
)

test("neither key nor headers of the provider are sent", async () => {
  const seen: string[] = []
  play = (request) => {
    seen.push(...request.headers.keys())
    return new Response(GOOD)
  }
  const { readings } = listen()
  await until(() => readings.length > 0)
  expect(seen).not.toContain("authorization")
  expect(seen).not.toContain("x-api-key")
})

test("an address where nobody listens leaves the load unknown", async () => {
  const { warnings } = listen(rule({ url: "http://127.0.0.1:1/metrics" }))
  await until(() => warnings.length > 0)
  expect(warnings).toEqual([{ provider: "p", reason: LATE }])
})

test("after a reload only what is still configured is asked, and the rest is forgotten", async () => {
  play = () => new Response(GOOD)
  const { readings, metrics } = listen()
  await until(() => readings.length > 0)
  metrics.follow(new Map([["p", rule()]]))
  expect(readings).not.toContain(null)
  metrics.follow(new Map([["p", rule({ url: `http://127.0.0.1:${engine.port}/other` })]]))
  expect(readings.at(-1)).toBeNull()
  await until(() => asked.includes("/other"))
  metrics.close()
  const { length } = asked
  await Bun.sleep(50)
  expect(asked.length).toBe(length)
})

test("a compressed answer is read within its bound, and is not unpacked beyond it", async () => {
  const packed = (text: string): Response =>
    new Response(Bun.gzipSync(Buffer.from(text)), { headers: { "content-encoding": "gzip" } })
  play = () => packed(GOOD)
  const small = listen()
  await until(() => small.readings.length > 0)
  expect(small.readings[0]).toEqual(READING)
  small.metrics.close()
  const bomb = await bombOf(512)
  play = () => new Response(bomb, { headers: { "content-encoding": "gzip" } })
  const before = process.memoryUsage().rss
  const large = listen(rule({ maxResponseBytes: bomb.length + 1 }))
  await until(() => large.warnings.length > 0)
  large.metrics.close()
  expect(large.readings.filter((reading) => reading !== null)).toEqual([])
  expect(String(Object.values(large.warnings[0] as object))).toContain("too long once it is unpacked")
  expect(process.memoryUsage().rss - before).toBeLessThan(128 << 20)
})

/** So many megabytes of nothing, made piece by piece. */
async function bombOf(megabytes: number): Promise<Uint8Array> {
  const packing = createGzip({ level: 1 })
  const packed = buffer(packing)
  const piece = Buffer.alloc(1 << 20)
  for (let at = 0; at < megabytes; at++) if (!packing.write(piece)) await once(packing, "drain")
  packing.end()
  return packed
}
