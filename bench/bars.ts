/** The bars of the product ("Numbers to hold") and whether a run holds them. */
import type { ContenderName } from "./contender.ts"
import type { AddedLatency } from "./latency.ts"
import type { LoadResult, LoadWork } from "./loads.ts"
import { median, medianRatio, ratioSpread } from "./statistics.ts"

export interface Bar {
  readonly what: string
  readonly limit: string
  /** What this run measured; null when it did not. */
  readonly measured: string | null
  readonly holds: boolean
}

export interface Results {
  readonly loads: readonly LoadResult[]
  readonly latency: Readonly<Record<"unary" | "stream", readonly AddedLatency[]>> | null
  readonly ledger: LedgerCount
}

export interface LedgerCount {
  /** Calls that reached an upstream through the router. */
  readonly calls: number
  readonly rows: number
}

export function barsOf(results: Results): readonly Bar[] {
  return [
    ...ratioBars(results),
    memoryBar(results),
    ...latencyBars(results),
    {
      what: "finished calls missing from the ledger",
      limit: "0",
      measured: `${results.ledger.rows} rows for ${results.ledger.calls} calls that reached an upstream`,
      holds: results.ledger.rows >= results.ledger.calls && results.ledger.calls > 0,
    },
  ]
}

interface RatioRule {
  readonly work: LoadWork
  readonly what: string
  readonly peer: ContenderName
  readonly peerName: string
  readonly limit: number
}

const RATIO_RULES: readonly RatioRule[] = [
  { work: "small", what: "CPU per call, small unary body", peer: "nginx", peerName: "nginx", limit: 4 },
  { work: "small", what: "CPU per call, small unary body", peer: "portkey", peerName: "Portkey", limit: 0.1 },
  { work: "agent", what: "CPU per call, 160 KB agent body", peer: "nginx", peerName: "nginx", limit: 5 },
  { work: "streams", what: "CPU per chunk, 1,000 streams", peer: "nginx", peerName: "nginx", limit: 2 },
]

function ratioBars(results: Results): Bar[] {
  return RATIO_RULES.map(({ work, what, peer, peerName, limit }) => {
    const ours = cpuOf(results, work, "router")
    const theirs = cpuOf(results, work, peer)
    const ratio = medianRatio(ours, theirs)
    const [least, most] = ratioSpread(ours, theirs)
    const digits = limit < 1 ? 3 : 2
    const figures = `${ratio.toFixed(digits)} × (rounds: ${least.toFixed(digits)} to ${most.toFixed(digits)})`
    return {
      what,
      limit: `≤ ${limit} × ${peerName}`,
      measured: Number.isNaN(ratio) ? null : figures,
      holds: ratio <= limit && !hasFaults(results, work),
    }
  })
}

/** Fast answers that are errors prove nothing. */
function hasFaults(results: Results, work: LoadWork): boolean {
  const load = results.loads.find((candidate) => candidate.work === work)
  return load?.turns.router.some((turn) => turn.faults !== "") ?? false
}

function memoryBar(results: Results): Bar {
  const turns = results.loads.find((load) => load.work === "streams")?.turns.router ?? []
  const megabytes = Math.max(...turns.map((turn) => turn.residentMegabytes))
  return {
    what: "memory at 1,000 streams",
    limit: "≤ 200 MB",
    measured: turns.length === 0 ? null : `${megabytes.toFixed(0)} MB`,
    holds: turns.length > 0 && megabytes <= 200,
  }
}

function latencyBars(results: Results): Bar[] {
  const unary = results.latency?.unary.find((added) => added.name === "router")
  const stream = results.latency?.stream.find((added) => added.name === "router")
  return [
    millisecondBar("added latency at concurrency 1, p50", 0.4, unary?.wholeP50),
    millisecondBar("added latency at concurrency 1, p99", 1, unary?.wholeP99),
    millisecondBar("added time to first token, p99", 1, stream?.firstP99),
  ]
}

function millisecondBar(what: string, limit: number, measured: number | undefined): Bar {
  return {
    what,
    limit: `≤ ${limit} ms`,
    measured: measured === undefined ? null : `${measured.toFixed(3)} ms`,
    holds: measured !== undefined && measured <= limit,
  }
}

export function cpuOf(results: Results, work: LoadWork, name: ContenderName): readonly number[] {
  const load = results.loads.find((candidate) => candidate.work === work)
  return load?.turns[name].map((turn) => turn.cpuMicroseconds) ?? []
}

export function medianCpu(results: Results, work: LoadWork, name: ContenderName): number {
  return median(cpuOf(results, work, name))
}
