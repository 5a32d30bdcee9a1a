/** Workers count for themselves: one scrape of any of them shows all. */
import type { Config } from "../config/config.ts"
import type { FamilyWriter } from "../metrics/exposition.ts"
import { Exposition } from "../metrics/exposition.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { askSocket } from "./ask.ts"
import { controlPath, METRICS, type MetricsAnswer } from "./control.ts"
import type { WorkerNumber } from "./process-files.ts"

/** All workers, as one of them sees them. */
export interface Crew {
  readonly configured: number
  /** The metrics of all; null: the process that started them does not answer. */
  page(): Promise<string | null>
}

export interface CrewCounts {
  /** `server.workers`. */
  readonly configured: number
  /** Those whose figures are on the page. */
  readonly shown: number
  /** Since the start. */
  readonly restarts: number
}

interface CrewMeans {
  readonly clock: Clock
  readonly log: Log
}

/** Prometheus waits for 10 s. */
const PATIENCE_MS = 5000

/** Null: this is the only process. */
export function crewOf({ server }: Config, worker: WorkerNumber, { clock, log }: CrewMeans): Crew | null {
  if (worker === null) return null
  const configured = server.workers
  const socketPath = controlPath(server.usage_db.path)
  return {
    configured,
    page: async () => {
      try {
        return (JSON.parse(await askSocket(socketPath, METRICS, PATIENCE_MS, clock)) as MetricsAnswer).text
      } catch (error) {
        log.warn("a scrape shows one worker only: the process that started it does not answer", { error })
        return null
      }
    },
  }
}

export function writeCrew(out: FamilyWriter, { configured, shown, restarts }: CrewCounts): void {
  out
    .family("smart_router_workers", "gauge", "Processes that are to serve calls.")
    .sample({}, configured)
    .family("smart_router_workers_shown", "gauge", "Those of them whose figures are in this scrape.")
    .sample({}, shown)
    .family("smart_router_worker_restarts_total", "counter", "Workers that ended and were started anew.")
    .sample({}, restarts)
}

/** Pages of several workers as one: each family once, with the samples of all. */
export function joinedPages(pages: readonly string[], counts: CrewCounts): string {
  const families = new Map<string, string[]>()
  for (const page of pages) for (const family of page.split(/^(?=# HELP )/m)) addTo(families, family)
  const own = new Exposition({})
  writeCrew(own, counts)
  return [...families.values()].map((parts) => parts.join("")).join("") + own.text()
}

/** The head of a family: two lines. */
const HEAD = /^# HELP .*\n# TYPE .*\n/

function addTo(families: Map<string, string[]>, family: string): void {
  const head = HEAD.exec(family)?.[0]
  if (head === undefined) return
  const known = families.get(head)
  if (known === undefined) families.set(head, [family])
  else known.push(family.slice(head.length))
}
