/** What the router counts and exports, as its configuration says. */
import { hostname } from "node:os"
import type { Snapshot } from "../config/snapshot.ts"
import type { Metrics } from "../metrics/metrics.ts"
import { buildInfo } from "../system/build-info.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { exportedLog } from "../telemetry/exported-log.ts"
import { Telemetry } from "../telemetry/telemetry.ts"
import type { WorkerNumber } from "./process-files.ts"

/** `log`: the same, exported as well. Nothing is exported before `followTelemetry`. */
export function openTelemetry(
  log: Log,
  clock: Clock,
  worker: WorkerNumber,
): { readonly telemetry: Telemetry; readonly log: Log } {
  // tells processes apart, also those of one machine, and those before a restart
  const instance = `${hostname()}:${process.pid}${worker === null ? "" : `:${worker}`}`
  const telemetry = new Telemetry({ clock, log, version: buildInfo.version, instance })
  return { telemetry, log: exportedLog(log, telemetry) }
}

export function followTelemetry(
  { metrics: rule, exports }: Snapshot,
  { metrics, telemetry }: { readonly metrics: Metrics; readonly telemetry: Telemetry },
): void {
  metrics.callers.most = rule.maxCallers
  telemetry.follow(exports, rule.names)
}
