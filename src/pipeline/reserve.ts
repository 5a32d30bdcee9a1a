/** Step 5: takes what the call may use from the limits of its caller and project, or says which of them refuses. */
import type { Target } from "../config/snapshot.ts"
import { RouterError } from "../errors.ts"
import { CHECK_FACTS } from "../governance/check-kinds.ts"
import { isPassing } from "../governance/line.ts"
import { isBucket } from "../governance/measure.ts"
import { UNUSED, type AdmissionRequest, type CompiledLimits, type Lease, type Refusal } from "../governance/state.ts"
import type { AdmittedCall } from "./call.ts"
import { goOn } from "./call/go-on.ts"
import { NO_AMOUNTS, type Hold, type Throttling } from "./call/hold.ts"
import type { Shortlist } from "./call/plan.ts"
import { leaveEntry } from "./enter.ts"
import type { Gateway } from "./gateway.ts"
import { estimate } from "./limits/estimate.ts"
import { bucketName } from "./limits/refuse.ts"
import { refusalFor, writeDown } from "./limits/reserve-more.ts"
import { noEligibleTarget } from "./shortlist.ts"

/**
 * What of a call's limits is asked: `start`: its place among its caller's calls, before it is known whether a target will be
 * asked; `rest`: behind that, what it may use; `all`: both at once.
 */
export type ReservePart = "start" | "rest" | "all"

/**
 * Fills the hold. Whatever happens to the call afterwards, `settle` closes it.
 * @returns the shortlist without what the caller's budgets forbid
 * @throws RouterError `concurrency-exceeded`, `traffic-shaped`, `rpm-exceeded`, `tpm-exceeded`, `quota-exhausted`,
 *   `key-exhausted`, `spend-exhausted`, `no-eligible-target`, `client-closed`; `usage-store-unavailable` where the
 *   reservation cannot be written down
 */
export function reserve(
  shortlist: Shortlist,
  call: AdmittedCall,
  hold: Hold,
  gateway: Gateway,
  part: ReservePart = "all",
): Shortlist | Promise<Shortlist> {
  const affordable = hold.limits.countsMoney ? keepPriced(shortlist, call) : shortlist
  const request = requestOf(call, hold, affordable.eligible, gateway, part)
  return goOn(ask(call, hold, request, gateway), (answered) => {
    take(answered, request, affordable, call, hold, gateway, part)
    if (part === "start") return affordable
    const writing = gateway.governance.journal?.written() ?? null
    return writing === null ? affordable : writing.then(() => affordable, refuseForgettable)
  })
}

function refuseForgettable(cause: unknown): never {
  throw new RouterError("usage-store-unavailable", { cause })
}

/** What the answer means for the call. */
function take(
  { outcome, queuedBy }: Answered,
  request: AdmissionRequest,
  { eligible }: Shortlist,
  call: AdmittedCall,
  hold: Hold,
  gateway: Gateway,
  part: ReservePart,
): void {
  const earlierMs = hold.throttling?.queueWaitMs ?? 0
  const queueWaitMs = earlierMs + (queuedBy === null ? 0 : gateway.clock.monotonicMs() - request.nowMs)
  if (request.limits.shapes) hold.throttling = throttlingOf(outcome, queuedBy, queueWaitMs)
  if (outcome === null) throw new RouterError("client-closed")
  if (outcome.kind === "refusal") throw refusalFor(outcome, call, eligible, gateway)
  if (part === "start") {
    hold.entry = outcome
    if (call.life.clientLeft) throw new RouterError("client-closed")
    return
  }
  hold.lease = outcome
  writeDown(call, outcome, gateway)
  if (call.life.clientLeft) throw new RouterError("client-closed")
  const { facts } = call.request
  if (hold.estimate?.sendsGrant === true && outcome.outputTokens < request.outputTokens)
    hold.grantedCap = Math.min(Math.floor(outcome.outputTokens / facts.drafts), facts.outputCap?.tokens ?? Infinity)
}

/** A target without a price could spend any amount of money, so a budget in money leaves it out. */
function keepPriced(shortlist: Shortlist, call: AdmittedCall): Shortlist {
  const { eligible, rejected } = shortlist
  if (eligible.every(isPriced)) return shortlist
  const left = eligible.filter(isPriced)
  const unpriced = eligible.filter((target) => !isPriced(target)).map((target) => ({ target, reason: UNPRICED }))
  const all = [...unpriced, ...rejected]
  if (left.length === 0) throw noEligibleTarget(all, call)
  return { ...shortlist, eligible: left, rejected: all }
}

const UNPRICED = "unpriced" as const

function isPriced({ reservation }: Target): boolean {
  return reservation.prices !== null
}

function requestOf(
  call: AdmittedCall,
  hold: Hold,
  targets: readonly Target[],
  { governance, clock }: Gateway,
  part: ReservePart,
): AdmissionRequest {
  const { entry } = hold
  const nowMs = clock.monotonicMs()
  const limits = part === "all" ? hold.limits : partOf(hold.limits, part)
  if (part === "start") return { ...NO_AMOUNTS, id: `${call.id}-start`, limits, ts: call.ts, nowMs, instead: entry }
  if (!limits.countsTokens) return { ...NO_AMOUNTS, id: call.id, limits, ts: call.ts, nowMs, instead: entry }
  const estimated = estimate(call, targets, governance.estimator)
  hold.estimate = estimated
  return {
    id: call.id,
    limits,
    ts: call.ts,
    nowMs,
    inputTokens: estimated.inputTokens,
    outputTokens: estimated.outputTokens,
    leastOutputTokens: Math.min(estimated.leastOutputTokens, estimated.outputTokens),
    inputNanoUsd: estimated.inputNanoUsd,
    outputNanoUsdPerMillion: estimated.outputNanoUsdPerMillion,
    instead: entry,
  }
}

const parts = new WeakMap<CompiledLimits, { readonly start: CompiledLimits; readonly rest: CompiledLimits }>()

/** A call counts at its start, and what it uses is counted where it uses something; the bucket of starts gives nothing back. */
function partOf(limits: CompiledLimits, part: "start" | "rest"): CompiledLimits {
  let both = parts.get(limits)
  if (both === undefined) {
    const start = limits.checks.filter(({ kind }) => CHECK_FACTS[kind].counts === "calls")
    const rest = limits.checks.filter(({ kind }) => kind !== "request_start")
    both = {
      start: { ...withChecks(limits, start), countsTokens: false, countsMoney: false },
      rest: withChecks(limits, rest),
    }
    parts.set(limits, both)
  }
  return both[part]
}

function withChecks(limits: CompiledLimits, checks: CompiledLimits["checks"]): CompiledLimits {
  const shapes = checks.some(isBucket)
  return { ...limits, checks, shapes, queue: shapes ? limits.queue : null }
}

/** What admission said. */
interface Answered {
  /** Null: the client left while the call waited. */
  readonly outcome: Lease | Refusal | null
  /** The bucket that made the call wait; null: none did. */
  readonly queuedBy: Refusal | null
}

function ask(
  call: AdmittedCall,
  hold: Hold,
  request: AdmissionRequest,
  gateway: Gateway,
): Answered | Promise<Answered> {
  const { state } = gateway.governance
  const { queue, subjects } = request.limits
  if (queue === null) return goOn(state.admit(request), atOnce)
  const line = gateway.governance.line(subjects[0]?.key ?? "")
  if (line.length === 0) return goOn(state.admit(request), (known) => joinLine(known, call, request, gateway))
  // nobody overtakes those who wait, nor holds a place that they wait for
  leaveEntry(hold, gateway)
  return joinLine(null, call, request, gateway)
}

function atOnce(outcome: Lease | Refusal | null): Answered {
  return { outcome, queuedBy: null }
}

/** `known`: null where the call has not asked yet, because others wait. */
function joinLine(
  known: Lease | Refusal | null,
  call: AdmittedCall,
  request: AdmissionRequest,
  gateway: Gateway,
): Answered | Promise<Answered> {
  const { queue, subjects, checks } = request.limits
  const { state } = gateway.governance
  if (queue === null || (known !== null && !isShaping(known))) return atOnce(known)
  const { life } = call
  // it left before it could be told of a place
  if (life.clientLeft) return atOnce(null)
  const line = gateway.governance.line(subjects[0]?.key ?? "")
  const refusal = known?.kind === "refusal" ? known : behindOthers(request, checks.find(isBucket))
  if (refusal === null) return goOn(state.admit(request), atOnce)
  if (line.length >= queue.maxDepth || queue.maxWaitMs === 0) return atOnce(refusal)
  const waiting = line.join(
    {
      ask: () => state.admit({ ...request, nowMs: gateway.clock.monotonicMs() }),
      release: (lease) => state.settle(lease, UNUSED, gateway.clock.monotonicMs()),
    },
    refusal,
    queue.maxWaitMs,
  )
  life.waiting = waiting
  return waiting.outcome
    .finally(() => {
      life.waiting = null
    })
    .then((outcome) => ({ outcome, queuedBy: refusal }))
}

function isShaping(outcome: Lease | Refusal): boolean {
  return outcome.kind === "refusal" && isPassing(outcome)
}

/** Why a call waits that has not asked yet. */
function behindOthers(request: AdmissionRequest, check: CompiledLimits["checks"][number] | undefined): Refusal | null {
  const subject = request.limits.subjects[0]
  if (check === undefined || subject === undefined) return null
  return { kind: "refusal", check, subject, used: 0, reserved: 0, requested: 0, retryAfterMs: 1000, resetsAt: null }
}

function throttlingOf(outcome: Answered["outcome"], queuedBy: Refusal | null, queueWaitMs: number): Throttling {
  const refusedBy = outcome?.kind === "refusal" && isBucket(outcome.check) ? outcome : null
  const decisive = refusedBy ?? queuedBy
  return {
    decision: refusedBy !== null ? "refused" : queuedBy !== null ? "queued" : "admitted",
    scope: decisive?.subject.scope ?? null,
    bucket: decisive === null ? null : bucketName(decisive),
    retryAfterMs: refusedBy?.retryAfterMs ?? null,
    queueWaitMs,
  }
}
