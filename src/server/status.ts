/** What `smart-router status` hears of a running router. */
import type { ReloadStatus } from "../config/reload/reload.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { buildInfo } from "../system/build-info.ts"
import { notReady, reloadView, type ReadyStore, type ReloadView } from "./health.ts"

export interface RouterStatus {
  readonly pid: number
  readonly version: string
  /** The parts that are not usable; none: it takes calls. */
  readonly not_ready: readonly string[]
  readonly active_calls: number
  readonly configuration: ReloadView
}

export async function statusOf(gateway: Gateway, store: ReadyStore, reloads: ReloadStatus): Promise<RouterStatus> {
  const { pid } = process
  const { version } = buildInfo
  const not_ready = await notReady(gateway, store)
  return { pid, version, not_ready, active_calls: gateway.active, configuration: reloadView(reloads) }
}

/** Of several workers as one: what one of them lacks, the router lacks. Their order counts for the configuration. */
export function joinedStatus(pid: number, workers: readonly RouterStatus[]): RouterStatus {
  const [first] = workers
  if (first === undefined) throw new Error("no worker is up")
  const refusing = workers.find(({ configuration }) => configuration.last_reload === "refused") ?? first
  return {
    pid,
    version: first.version,
    not_ready: [...new Set(workers.flatMap(({ not_ready }) => not_ready))],
    active_calls: workers.reduce((total, { active_calls }) => total + active_calls, 0),
    configuration: refusing.configuration,
  }
}
