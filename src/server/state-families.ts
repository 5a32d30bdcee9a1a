/** The families that say how the router is at the moment, as text. */
import type { ReloadStatus } from "../config/reload/reload.ts"
import { LOSSES } from "../capture/captures.ts"
import type { LedgerStatus } from "../ledger/open.ts"
import type { FamilyWriter } from "../metrics/exposition.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { writeEngines, writeExports } from "./outward-families.ts"
import { RETENTION_CLASSES } from "../ledger/retention/classes.ts"
import { leftOf } from "../reports/retention-view.ts"
import type { Activation } from "./activation.ts"
import { writeActivation } from "./activation-families.ts"
import type { Retention, RetentionFigures } from "./retention.ts"
import { buildInfo } from "../system/build-info.ts"
import { targetLabels } from "./target-labels.ts"
import { processFacts } from "../system/process-facts.ts"
import type { Telemetry } from "../telemetry/telemetry.ts"
import type { Backoff } from "../upstream/backoff.ts"
import type { BreakerState } from "../upstream/breaker.ts"

export interface WatchedParts {
  readonly ledger: { status(): LedgerStatus }
  readonly requestLog: { dropped(): number }
  readonly retention: Pick<Retention, "figures">
  readonly reloads: () => ReloadStatus
  readonly telemetry: Pick<Telemetry, "status">
  readonly activation: Pick<Activation, "observedCalls" | "standings" | "unproven">
}

const BREAKER_STATES: readonly BreakerState[] = ["closed", "half-open", "open"]

export function writeStateFamilies(out: FamilyWriter, gateway: Gateway, watched: WatchedParts): void {
  out
    .family("smart_router_active_calls", "gauge", "Calls in flight.")
    .sample({}, gateway.active)
    .family("smart_router_drained_calls", "gauge", "Calls in flight whose client has left, read on for their bill.")
    .sample({}, gateway.drained)
    .family("smart_router_draining", "gauge", "1 once the process was asked to stop.")
    .sample({}, Number(gateway.leaving))
    .family("smart_router_request_body_bytes", "gauge", "What the request bodies of calls in flight take of memory.")
    .sample({}, gateway.intake.bytes)
  if (gateway.snapshot.cache !== null) writeCache(out, gateway)
  writeLoop(out, gateway)
  writeTargets(out, gateway)
  writeGovernance(out, gateway)
  writeLedger(out, watched.ledger.status())
  writeCaptures(out, gateway)
  out
    .family(
      "smart_router_request_log_dropped_lines_total",
      "counter",
      "Lines of the request log that did not get onto disk.",
    )
    .sample({}, watched.requestLog.dropped())
  writeRetention(out, watched.retention.figures())
  writeActivation(out, gateway, watched.activation)
  writeReloads(out, watched.reloads())
  writeEngines(out, gateway)
  writeExports(out, watched.telemetry.status())
  writeProcess(out)
}

function writeCache(out: FamilyWriter, { cache }: Gateway): void {
  const { items, bytes, maxBytes } = cache.occupancy
  out
    .family("smart_router_cache_entries", "gauge", "Answers that the response cache keeps.")
    .sample({}, items)
    .family("smart_router_cache_bytes", "gauge", "What they take of memory.")
    .sample({}, bytes)
    .family("smart_router_cache_max_bytes", "gauge", "The bound of that.")
    .sample({}, maxBytes)
    .family("smart_router_cache_occupancy_ratio", "gauge", "The one of the other.")
    .sample({}, maxBytes === 0 ? 0 : bytes / maxBytes)
    .family("smart_router_cache_waiting_calls", "gauge", "Calls that wait for the answer of an equal call.")
    .sample({}, cache.flights.waiting)
    .family("smart_router_cache_evictions_total", "counter", "Answers that had to go before their time.")
    .sample({}, cache.evictions)
  if (cache.store === null) return
  out
    .family(
      "smart_router_cache_shared_refused_total",
      "counter",
      "Values of the shared store that bore no signature of this installation.",
    )
    .sample({}, cache.store.refused)
    .family(
      "smart_router_cache_shared_failures_total",
      "counter",
      "Questions and answers that the shared store did not take.",
    )
    .sample({}, cache.store.failed)
}

function writeReloads(out: FamilyWriter, { takenMs, refused }: ReloadStatus): void {
  out
    .family("smart_router_config_last_reload_successful", "gauge", "0: the newest configuration was refused.")
    .sample({}, Number(refused === null))
    .family(
      "smart_router_config_last_reload_success_timestamp_seconds",
      "gauge",
      "When the configuration in force was taken, in Unix seconds.",
    )
    .sample({}, takenMs / 1000)
}

function writeLoop(out: FamilyWriter, { loop }: Gateway): void {
  const { p99Ms, maxMs } = loop.delays
  out
    .family(
      "smart_router_event_loop_delay_seconds",
      "gauge",
      "How late the event loop came to its work in the last minute: 99 of 100 looks, and the worst.",
    )
    .sample({ percentile: "99" }, p99Ms / 1000)
    .sample({ percentile: "100" }, maxMs / 1000)
}

function writeTargets(out: FamilyWriter, { snapshot, health, clock }: Gateway): void {
  const now = clock.monotonicMs()
  const targets = [...new Set(snapshot.groups.values())].flatMap((group) =>
    group.targets.map((target) => ({ target, labels: targetLabels(group.name, target) })),
  )
  out.family("smart_router_target_breaker_state", "gauge", "0: closed, 1: half-open, 2: open.")
  for (const { target, labels } of targets) {
    out.sample(labels, BREAKER_STATES.indexOf(health.standing(target, now).breaker))
  }
  out.family(
    "smart_router_target_backoff_seconds",
    "gauge",
    "How much longer calls avoid the target because its provider asked for a pause.",
  )
  for (const { target, labels } of targets) {
    const { scopes } = health.of(target)
    const pauses = {
      rate_limited: scopes.map((scope) => scope.rateLimited),
      quota_exhausted: scopes.map((scope) => scope.quotaExhausted),
    }
    for (const [reason, backoffs] of Object.entries(pauses)) {
      out.sample({ ...labels, reason }, longestMs(backoffs, now) / 1000)
    }
  }
}

function longestMs(backoffs: readonly (Backoff | null)[], now: number): number {
  return backoffs.reduce((longest, backoff) => Math.max(longest, (backoff?.until ?? now) - now), 0)
}

function writeGovernance(out: FamilyWriter, { governance }: Gateway): void {
  const { estimator, journal, state } = governance
  const { calls, estimatedTokens, reportedTokens, missedTokens } = estimator.error
  out
    .family(
      "smart_router_estimator_calls_total",
      "counter",
      "Calls whose input was estimated at admission and then reported by the upstream.",
    )
    .sample({}, calls)
    .family("smart_router_estimator_estimated_tokens_total", "counter", "Their input tokens as estimated.")
    .sample({}, estimatedTokens)
    .family("smart_router_estimator_reported_tokens_total", "counter", "Their input tokens as reported.")
    .sample({}, reportedTokens)
    .family("smart_router_estimator_missed_tokens_total", "counter", "What estimates fell short of.")
    .sample({}, missedTokens)
    .family("smart_router_queued_calls", "gauge", "Calls that wait for the traffic shaping of their caller.")
    .sample({}, governance.queued)
    .family("smart_router_governance_up", "gauge", "1: calls of callers with limits can be admitted.")
    .sample({}, Number(state.isUsable))
    .family(
      "smart_router_shared_state_up",
      "gauge",
      "1: the store that routers share answers. Absent where none is shared.",
    )
  if (state.isStoreUp !== null) out.sample({}, Number(state.isStoreUp))
  out.family("smart_router_journal_up", "gauge", "1: reservations are written down.")
  if (journal !== null) out.sample({}, Number(journal.isUp))
  out.family(
    "smart_router_journal_open_calls",
    "gauge",
    "Calls whose reservations are written down and that have no row yet.",
  )
  if (journal !== null) out.sample({}, journal.openCalls)
}

function writeLedger(out: FamilyWriter, { isUp, outages, spooledBytes, waiting }: LedgerStatus): void {
  out
    .family("smart_router_ledger_up", "gauge", "1: the usage database takes rows, as far as was noticed.")
    .sample({}, Number(isUp))
    .family("smart_router_ledger_outages_total", "counter", "How often the usage database ceased to take rows.")
    .sample({}, outages)
    .family("smart_router_ledger_waiting_calls", "gauge", "Finished calls that wait for the next transaction.")
    .sample({}, waiting)
    .family(
      "smart_router_spool_bytes",
      "gauge",
      "Size of the finished calls that wait in the spool for the usage database.",
    )
    .sample({}, spooledBytes)
}

/** Nothing where the configuration deletes nothing. */
function writeRetention(out: FamilyWriter, figures: RetentionFigures | null): void {
  if (figures === null) return
  const { state, deleted, longestLockMs } = figures
  out.family(
    "smart_router_retention_left_rows",
    "gauge",
    "Rows that were old enough at the last run and are still there: due for the next one, held, or blocked.",
  )
  for (const { name } of RETENTION_CLASSES) {
    const left = leftOf(state?.last?.results ?? [], name)
    for (const [why, rows] of Object.entries(left ?? {})) out.sample({ data_class: name, why }, Number(rows))
  }
  out.family("smart_router_retention_deleted_rows_total", "counter", "Rows that this process has deleted.")
  for (const { name } of RETENTION_CLASSES) out.sample({ data_class: name }, deleted.get(name) ?? 0)
  out
    .family(
      "smart_router_retention_lock_seconds",
      "gauge",
      "The longest that a batch of this process held the write lock of the usage database.",
    )
    .sample({}, longestLockMs / 1000)
    .family(
      "smart_router_retention_last_run_timestamp_seconds",
      "gauge",
      "When the last run of any process began, in Unix seconds; dry ones count.",
    )
  const job = state?.last?.job
  if (job !== undefined) out.sample({}, job.started_at / 1000)
  out.family(
    "smart_router_retention_last_run_successful",
    "gauge",
    "0: the last run failed, or its process was killed.",
  )
  if (job !== undefined) out.sample({}, Number(job.state !== "failed" && job.state !== "interrupted"))
}

/** Nothing where no content is stored. */
function writeCaptures(out: FamilyWriter, { snapshot, captures }: Gateway): void {
  if (snapshot.capture === null) return
  const { stopped, waitingBytes, kept, lost } = captures.status()
  out
    .family("smart_router_content_capture_up", "gauge", "0: content of calls cannot be stored at the moment.")
    .sample({}, Number(stopped === null))
    .family("smart_router_content_capture_waiting_bytes", "gauge", "Content that is not stored yet.")
    .sample({}, waitingBytes)
    .family("smart_router_content_capture_kept_total", "counter", "Calls whose content was stored.")
    .sample({}, kept)
    .family("smart_router_content_capture_lost_total", "counter", "Calls whose content was to be stored and is lost.")
  for (const reason of LOSSES) out.sample({ reason }, lost[reason])
}

function writeProcess(out: FamilyWriter): void {
  const { version, commit, runtime, os, arch } = buildInfo
  const { residentBytes, heapBytes, cpuSeconds, startedAt, isCompiling } = processFacts()
  out
    .family(
      "smart_router_jit_enabled",
      "gauge",
      "0: the system keeps the runtime from compiling, and calls cost many times as much.",
    )
    .sample({}, Number(isCompiling))
    .family("smart_router_build_info", "gauge", "Always 1; the build stands in the labels.")
    .sample({ version, commit, runtime, os, arch }, 1)
    .family("smart_router_heap_bytes", "gauge", "Memory in use on the heap of the runtime.")
    .sample({}, heapBytes)
    .family("process_resident_memory_bytes", "gauge", "Resident memory of the process.")
    .sample({}, residentBytes)
    .family("process_cpu_seconds_total", "counter", "Processor time of the process, user and system.")
    .sample({}, cpuSeconds)
    .family("process_start_time_seconds", "gauge", "When the process started, in Unix seconds.")
    .sample({}, startedAt)
}
