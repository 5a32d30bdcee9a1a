/** What `smart-router status` hears of a running router. */
import type { ReloadStatus } from "../config/reload/reload.ts"
import type { LedgerStatus } from "../ledger/open.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { buildInfo } from "../system/build-info.ts"
import { processFacts } from "../system/process-facts.ts"
import { notReady, reloadView, type ReadyStore, type ReloadView } from "./health.ts"
import { standings } from "./standings.ts"

/** Times are texts in UTC. */
export interface RouterStatus {
  readonly pid: number
  readonly version: string
  readonly up_since: string
  /** Processes that serve calls. */
  readonly workers: number
  /** Of all workers together. */
  readonly memory_bytes: number
  /** The parts that are not usable; none: it takes calls. */
  readonly not_ready: readonly string[]
  readonly active_calls: number
  readonly configuration: ReloadView
  readonly ledger: {
    readonly takes_rows: boolean
    /** Since the start. */
    readonly outages: number
    readonly spooled_bytes: number
  }
  readonly targets: readonly TargetStatus[]
}

interface TargetStatus {
  readonly group: string
  /** Provider and model. */
  readonly target: string
  readonly breaker: "closed" | "half-open" | "open"
  /** Why the target comes last for a while; null: it does not. */
  readonly pause: string | null
}

interface StatusStore extends ReadyStore {
  status(): LedgerStatus
}

export async function statusOf(gateway: Gateway, store: StatusStore, reloads: ReloadStatus): Promise<RouterStatus> {
  const { isUp, outages, spooledBytes } = store.status()
  const { residentBytes, startedAt } = processFacts()
  return {
    pid: process.pid,
    version: buildInfo.version,
    up_since: new Date(Math.round(startedAt * 1000)).toISOString(),
    workers: 1,
    memory_bytes: residentBytes,
    not_ready: await notReady(gateway, store),
    active_calls: gateway.active,
    configuration: reloadView(reloads),
    ledger: { takes_rows: isUp, outages, spooled_bytes: spooledBytes },
    targets: standings(gateway).map(({ group, name, standing: { breaker, hindrance } }) => ({
      group,
      target: name,
      breaker,
      pause: hindrance?.reason ?? null,
    })),
  }
}

/** Of several workers as one: what one of them lacks, the router lacks. Their order counts for the configuration. */
export function joinedStatus(pid: number, workers: readonly RouterStatus[]): RouterStatus {
  const [first] = workers
  if (first === undefined) throw new Error("no worker is up")
  const refusing = workers.find(({ configuration }) => configuration.last_reload === "refused") ?? first
  const sum = (of: (worker: RouterStatus) => number): number => workers.reduce((total, worker) => total + of(worker), 0)
  return {
    pid,
    version: first.version,
    up_since: workers.map(({ up_since }) => up_since).toSorted()[0] ?? first.up_since,
    workers: workers.length,
    memory_bytes: sum(({ memory_bytes }) => memory_bytes),
    not_ready: [...new Set(workers.flatMap(({ not_ready }) => not_ready))],
    active_calls: sum(({ active_calls }) => active_calls),
    configuration: refusing.configuration,
    ledger: {
      takes_rows: workers.every(({ ledger }) => ledger.takes_rows),
      outages: sum(({ ledger }) => ledger.outages),
      spooled_bytes: sum(({ ledger }) => ledger.spooled_bytes),
    },
    targets: joinedTargets(workers),
  }
}

/** Each worker has breakers of its own: the one that is furthest from closed is told. */
function joinedTargets(workers: readonly RouterStatus[]): readonly TargetStatus[] {
  const worst = new Map<string, TargetStatus>()
  for (const status of workers.flatMap(({ targets }) => targets)) {
    const key = JSON.stringify([status.group, status.target])
    const known = worst.get(key)
    if (known === undefined || distance(status) > distance(known)) worst.set(key, status)
  }
  return [...worst.values()]
}

function distance({ breaker, pause }: TargetStatus): number {
  return { closed: 0, "half-open": 2, open: 4 }[breaker] + (pause === null ? 0 : 1)
}
