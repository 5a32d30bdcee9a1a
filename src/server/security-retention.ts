/** Deletes security events that are older than the configuration keeps them: `server.admin_reports.security.retention_days`. */
import type { Snapshot } from "../config/snapshot.ts"
import type { KeptSecurityRecord } from "../ledger/security-events.ts"
import type { Clock, Timer } from "../system/clock.ts"

const EVERY_MS = 600_000

/** Asks `snapshot` each time, so that a reload counts. */
export function forgetOldEvents(
  snapshot: () => Pick<Snapshot, "admin">,
  security: Pick<KeptSecurityRecord, "forget">,
  clock: Clock,
): Timer {
  let isBusy = false
  const forget = async (): Promise<void> => {
    const keptMs = snapshot().admin.reports?.securityKeptMs ?? null
    if (isBusy || keptMs === null) return
    isBusy = true
    await security.forget(clock.now() - keptMs)
    isBusy = false
  }
  const timer = clock.every(EVERY_MS, () => void forget())
  timer.unref()
  return timer
}
