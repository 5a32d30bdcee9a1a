/**
 * What one admission with its settlement costs: in memory, and in a Redis on this machine.
 *
 *   bun bench/micro/shared-state.ts
 */
import { readFileSync } from "node:fs"
import { startRedis } from "../../test/helpers/redis.ts"
import { call, drawId, NOTHING, totals } from "../../test/helpers/shared-state.ts"
import { systemClock } from "../../src/system/clock.ts"
import { silentLog } from "../../src/system/log.ts"
import { MemoryState } from "../../src/governance/memory.ts"
import { SharedState } from "../../src/governance/redis/shared.ts"
import { CHECK_KINDS } from "../../src/governance/check-kinds.ts"
import type { CompiledLimits, GovernanceState } from "../../src/governance/state.ts"

const CALLS = 40_000
const WARM_UP = 5000
/** What a caller of the documentation's example has, and its project. */
const KINDS = ["concurrent", "rpm", "tpm", "day_requests", "day_tokens", "month_tokens", "day_nano_usd"] as const

const limits: CompiledLimits = {
  subjects: [
    { key: "caller:bench", scope: "caller", id: "bench" },
    { key: "project:bench", scope: "project", id: "bench" },
  ],
  checks: CHECK_KINDS.filter((kind) => KINDS.some((one) => one === kind)).flatMap((kind) =>
    [0, 1].map((subject) => ({ kind, subject, limit: 1e15, perSecond: 0, softLimit: 8e14 })),
  ),
  countsTokens: true,
  countsMoney: true,
  shapes: false,
  queue: null,
}

async function drive(state: GovernanceState, calls: number, concurrency: number): Promise<void> {
  let left = calls
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      const asked = state.admit(call(limits, 100))
      const outcome = asked instanceof Promise ? await asked : asked
      if (outcome.kind === "refusal") throw new Error(outcome.check.kind)
      state.settle(outcome, { requests: 1, tokens: 80, nanoUsd: 1000 }, systemClock.monotonicMs())
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}

async function measure(name: string, state: GovernanceState, concurrency: number, pid: number | null): Promise<void> {
  await drive(state, WARM_UP, concurrency)
  const serverBefore = pid === null ? 0 : cpuSecondsOf(pid)
  const cpu = process.cpuUsage()
  const from = performance.now()
  await drive(state, CALLS, concurrency)
  const wallUs = ((performance.now() - from) * 1000) / CALLS
  const { user, system } = process.cpuUsage(cpu)
  const server = pid === null ? "" : `, server ${(((cpuSecondsOf(pid) - serverBefore) * 1e6) / CALLS).toFixed(1)} µs`
  console.log(
    `${name}, ${concurrency} at once: router ${((user + system) / CALLS).toFixed(1)} µs CPU per call${server}; ${(wallUs * concurrency).toFixed(0)} µs until admitted and settled`,
  )
}

/** 100 ticks a second. */
function cpuSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const memory = new MemoryState()
memory.restore(await totals(NOTHING)([]), systemClock.monotonicMs())
await measure("memory", memory, 1, null)

await using redis = await startRedis()
const benchTotals = () =>
  Promise.resolve(
    limits.subjects.map(({ key }) => {
      const none = {
        day: NOTHING,
        month: NOTHING,
        beside: [],
        lifetimeTokens: 0,
        isWholeLifetime: true,
        lastMinute: [],
      }
      return { key, ts: systemClock.now(), ...none }
    }),
  )
const benchLedger = { totalsOf: benchTotals, usedBy: () => Promise.resolve(new Map()) }
const shared = new SharedState({
  url: redis.url,
  clock: systemClock,
  log: silentLog,
  drawId,
  ...benchLedger,
  reading: (work) => work(benchLedger),
  isLimited: () => true,
  onUnavailable: "fail_closed",
  recountMs: 0,
})
await shared.open()
for (const concurrency of [1, 16, 64]) await measure("redis", shared, concurrency, redis.pid)
await shared.close()
