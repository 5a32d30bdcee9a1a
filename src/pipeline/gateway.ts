/** What the pipeline works with; everything impure is handed in here. */
import type { Snapshot } from "../config/snapshot.ts"
import type { CallRecord, Ledger } from "../ledger/record.ts"
import type { FeedbackQueue } from "../routing/policy/feedback.ts"
import type { LiveView } from "../routing/live-view.ts"
import type { Strategies } from "../routing/strategy.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { Random } from "../system/random.ts"
import type { Health } from "../upstream/health.ts"
import type { Upstream } from "../upstream/send.ts"
import type { Watchdog } from "./watchdog.ts"

export interface Gateway {
  /** The newest configuration; a call keeps the one that it started with. */
  snapshot: Snapshot
  readonly ledger: Ledger
  readonly requestLog: { write(record: CallRecord): void }
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly watchdog: Watchdog
  readonly upstream: Upstream
  readonly health: Health
  readonly strategies: Strategies
  readonly feedback: Pick<FeedbackQueue, "report">
  /** How the targets are doing. */
  readonly live: LiveView
  readonly version: string
  /** True once the process was asked to stop: new calls are refused, those in flight go on. */
  draining: boolean
  /** Calls in flight. */
  active: number
}
