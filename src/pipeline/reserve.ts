/** Step 5: takes what the call may use from the limits of its caller and project, or says which of them refuses. */
import { asRouterError, RouterError } from "../errors.ts"
import type { Target } from "../config/snapshot.ts"
import { isBucket } from "../governance/measure.ts"
import { UNUSED, type AdmissionRequest, type CompiledLimits, type Lease, type Refusal } from "../governance/state.ts"
import { isPassing } from "../governance/line.ts"
import { askerOf } from "./asker.ts"
import type { Call } from "./call.ts"
import { leaveEntry } from "./enter.ts"
import { estimate } from "./estimate.ts"
import type { Gateway } from "./gateway.ts"
import { bucketName, refused } from "./refuse.ts"
import { noEligibleTarget, type Shortlist } from "./shortlist.ts"

/** What traffic shaping did to a call; becomes columns of its row. */
export interface Shaped {
  readonly decision: "admitted" | "queued" | "refused"
  readonly scope: string | null
  readonly bucket: string | null
  readonly retryAfterMs: number | null
  readonly queueWaitMs: number
}

/**
 * Fills `call.lease`. Whatever happens to the call afterwards, `settle` closes it.
 * @returns the shortlist without what the caller's budgets forbid
 * @throws RouterError `concurrency-exceeded`, `traffic-shaped`, `rpm-exceeded`, `tpm-exceeded`, `quota-exhausted`,
 *   `key-exhausted`, `spend-exhausted`, `no-eligible-target`, `client-closed`; `usage-store-unavailable` where the
 *   reservation cannot be written down
 */
export function reserve(
  call: Call,
  limits: CompiledLimits,
  shortlist: Shortlist,
  gateway: Gateway,
): Shortlist | Promise<Shortlist> {
  const affordable = limits.countsMoney ? priced(call, shortlist) : shortlist
  const request = requestOf(call, limits, affordable.eligible, gateway)
  const asked = ask(call, request, gateway)
  if (!(asked instanceof Promise)) return held(asked, call, request, affordable, gateway)
  return asked.then((outcome) => held(outcome, call, request, affordable, gateway))
}

function refusalOf(refusal: Refusal, call: Call, targets: readonly Target[], gateway: Gateway): RouterError {
  return refused(refusal, askerOf(call, targets, gateway.governance.estimator), gateway.clock.now())
}

/** What the answer means for the call. */
function held(
  outcome: Asked,
  call: Call,
  request: AdmissionRequest,
  affordable: Shortlist,
  gateway: Gateway,
): Shortlist | Promise<Shortlist> {
  noteShaping(call, request.limits, outcome, request, gateway)
  if (outcome === null) throw new RouterError("client-closed")
  if (outcome.kind === "refusal") throw refusalOf(outcome, call, affordable.eligible, gateway)
  call.lease = outcome
  writeDown(call, outcome, gateway)
  if (call.clientLeft) throw new RouterError("client-closed")
  const { facts } = call
  if (call.estimate?.sendsGrant === true && outcome.outputTokens < request.outputTokens)
    call.grantedCap = Math.min(Math.floor(outcome.outputTokens / facts.drafts), facts.outputCap?.tokens ?? Infinity)
  const writing = gateway.governance.journal?.written() ?? null
  return writing === null ? affordable : writing.then(() => affordable, forgettable)
}

function forgettable(cause: unknown): never {
  throw new RouterError("usage-store-unavailable", { cause })
}

/** A target without a price could spend any amount of money, so a budget in money leaves it out. */
function priced(call: Call, { eligible, rejected }: Shortlist): Shortlist {
  if (eligible.every(isPriced)) return { eligible, rejected }
  const left = eligible.filter(isPriced)
  const unpriced = eligible.filter((target) => !isPriced(target)).map((target) => ({ target, reason: UNPRICED }))
  const all = [...unpriced, ...rejected]
  if (left.length === 0 && call.group !== null) throw noEligibleTarget(call.group, call, all)
  return { eligible: left, rejected: all }
}

const UNPRICED = "unpriced" as const

function isPriced({ reservation }: Target): boolean {
  return reservation.prices !== null
}

function requestOf(call: Call, limits: CompiledLimits, targets: readonly Target[], gateway: Gateway): AdmissionRequest {
  const { governance, clock } = gateway
  const nowMs = clock.monotonicMs()
  if (!limits.countsTokens) return { ...NOTHING, id: call.id, limits, ts: call.ts, nowMs, instead: call.entry }
  const estimated = estimate(call, targets, governance.estimator)
  call.estimate = estimated
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
    instead: call.entry,
  }
}

const NOTHING = {
  inputTokens: 0,
  outputTokens: 0,
  leastOutputTokens: 0,
  inputNanoUsd: 0,
  outputNanoUsdPerMillion: 0,
} as const

type Asked = Lease | Refusal | null

/** Null: the client left while it waited. */
function ask(call: Call, request: AdmissionRequest, gateway: Gateway): Asked | Promise<Asked> {
  const { state } = gateway.governance
  const { queue } = request.limits
  if (queue === null) return state.admit(request)
  const line = gateway.governance.line(request.limits.subjects[0]?.key ?? "")
  // nobody overtakes those who wait, nor holds a place that they wait for
  if (line.length > 0) leaveEntry(call, gateway)
  const outcome = line.length > 0 ? null : state.admit(request)
  if (outcome instanceof Promise) return outcome.then((known) => inLine(known, call, request, gateway))
  return inLine(outcome, call, request, gateway)
}

function inLine(outcome: Asked, call: Call, request: AdmissionRequest, gateway: Gateway): Asked | Promise<Asked> {
  const { queue, subjects, checks } = request.limits
  const { state } = gateway.governance
  if (queue === null || (outcome !== null && !isShaping(outcome))) return outcome
  // it left before it could be told of a place
  if (call.clientLeft) return null
  const line = gateway.governance.line(subjects[0]?.key ?? "")
  const refusal = outcome?.kind === "refusal" ? outcome : behindOthers(request, checks.find(isBucket))
  if (refusal === null) return state.admit(request)
  if (line.length >= queue.maxDepth || queue.maxWaitMs === 0) return refusal
  const waiting = line.join(
    {
      ask: () => state.admit({ ...request, nowMs: gateway.clock.monotonicMs() }),
      release: (lease) => state.settle(lease, UNUSED, gateway.clock.monotonicMs()),
    },
    refusal,
    queue.maxWaitMs,
  )
  call.queuedBy = refusal
  call.waiting = waiting
  return waiting.outcome.finally(() => {
    call.waiting = null
  })
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

function noteShaping(
  call: Call,
  limits: CompiledLimits,
  outcome: Asked,
  request: AdmissionRequest,
  gateway: Gateway,
): void {
  if (!limits.shapes) return
  const { queuedBy } = call
  const queueWaitMs = queuedBy === null ? 0 : gateway.clock.monotonicMs() - request.nowMs
  const refusedBy = outcome?.kind === "refusal" && isBucket(outcome.check) ? outcome : null
  const decisive = refusedBy ?? queuedBy
  call.shaped = {
    decision: refusedBy !== null ? "refused" : queuedBy !== null ? "queued" : "admitted",
    scope: decisive?.subject.scope ?? null,
    bucket: decisive === null ? null : bucketName(decisive),
    retryAfterMs: refusedBy?.retryAfterMs ?? null,
    queueWaitMs,
  }
}

/** So that a crash does not forget what the call had reserved. */
export function writeDown(call: Call, lease: Lease, gateway: Gateway): void {
  const { journal } = gateway.governance
  if (journal === null || call.credential === null) return
  const { caller, tokenId } = call.credential
  journal.open({
    request_id: call.id,
    ts: call.ts,
    caller_id: caller.id,
    caller_user: caller.user,
    caller_project: caller.project,
    caller_environment: caller.environment,
    token_id: tokenId,
    inbound_dialect: call.dialect.name,
    requested_model: call.facts.model ?? call.group?.name ?? "",
    resolved_group: call.group?.name ?? "",
    strategy: call.group?.strategy ?? "",
    stream: call.facts.stream ? 1 : 0,
    input_tokens: lease.inputTokens,
    output_tokens: lease.outputTokens,
    nano_usd: lease.nanoUsd,
  })
}

/** More output for a stream that has outgrown its reservation; null: granted. */
export function reserveMore(
  call: Call,
  lease: Lease,
  tokens: number,
  gateway: Gateway,
): RouterError | null | Promise<RouterError | null> {
  const judged = (refusal: Refusal | null): RouterError | null => {
    if (refusal !== null) return refusalOf(refusal, call, [], gateway)
    writeDown(call, lease, gateway)
    return null
  }
  const extended = gateway.governance.state.extend(lease, tokens, gateway.clock.monotonicMs())
  return extended instanceof Promise ? extended.then(judged, asRouterError) : judged(extended)
}
