/** What the pipeline works with; everything impure is handed in here. */
import type { ActivationGate } from "./targets/activation-gate.ts"
import type { ResponseCache } from "../cache/response-cache.ts"
import type { Captures } from "../capture/captures.ts"
import type { Snapshot } from "../config/snapshot.ts"
import type { AnswerFacts } from "../dialects/dialect.ts"
import type { Governance } from "../governance/governance.ts"
import type { CallRecord, Ledger } from "../ledger/record.ts"
import type { SecurityRecord } from "../ledger/security-events.ts"
import type { StoredStates } from "../ledger/stored-state.ts"
import type { Metrics } from "../metrics/metrics.ts"
import type { PinStore } from "../routing/affinity/pin-store.ts"
import type { Observations } from "../routing/observations.ts"
import type { FeedbackQueue } from "../routing/policy/feedback.ts"
import type { Strategies } from "../routing/strategy.ts"
import type { Clock } from "../system/clock.ts"
import type { Telemetry } from "../telemetry/telemetry.ts"
import type { Log } from "../system/log.ts"
import type { Loop } from "../system/loop.ts"
import type { Random } from "../system/random.ts"
import type { Health } from "../upstream/health.ts"
import type { Upstream } from "../upstream/send.ts"
import type { Apart } from "./apart/apart.ts"
import type { Intake } from "./call/body-memory.ts"
import type { Watchdog } from "./call/watchdog.ts"
import type { Shadows } from "./rehearsal/shadow.ts"

/** Answers that are made in the background: followed to their end, and booked once (`aside/background.ts`). */
export interface BackgroundAnswers {
  /** A call has left one. */
  begun(requestId: string): void
  /** Somebody has read what became of the one of this call. Never rejects: what cannot be booked now is booked later. */
  heard(requestId: string, told: AnswerFacts | Uint8Array): Promise<void>
  /** Its target is asked before the answer goes. Never rejects. */
  ask(requestId: string): Promise<void>
  /** It is deleted. Never rejects. */
  gone(requestId: string): Promise<void>
}

export interface Gateway {
  /** The newest configuration; a call keeps the one that it started with. */
  snapshot: Snapshot
  readonly governance: Governance
  readonly ledger: Ledger
  readonly storedStates: StoredStates
  readonly requestLog: { write(record: CallRecord): void }
  readonly metrics: Pick<Metrics, "count" | "countLater">
  /** What is exported of calls. */
  readonly telemetry: Pick<Telemetry, "ended">
  /** Who was refused. */
  readonly security: SecurityRecord
  /** Content of calls on its way into the usage database. */
  readonly captures: Pick<Captures, "take" | "status">
  readonly background: BackgroundAnswers
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly watchdog: Watchdog
  readonly intake: Intake
  readonly loop: Loop
  readonly apart: Apart
  readonly upstream: Upstream
  readonly health: Health
  readonly pins: PinStore
  readonly cache: ResponseCache
  readonly strategies: Strategies
  /** How the targets are doing. */
  readonly live: Pick<Observations, keyof Observations>
  /** What is proven of targets, where groups ask for it. */
  readonly activation: ActivationGate
  readonly feedback: Pick<FeedbackQueue, "report">
  readonly shadows: Shadows
  readonly version: string
  /** True once the process was asked to stop: `/readyz` says so. */
  leaving: boolean
  /** True a while later (`server.drain_delay_ms`): new calls are refused, those in flight go on. */
  draining: boolean
  /** Other processes of this router are still on their way up. */
  starting: boolean
  /** Calls in flight. */
  active: number
  /** Those of them whose client has left and that are read on for their bill. */
  drained: number
}
