/** Gives back what a call held of its caller's limits, and books what its row says. Runs once, on every way out. */
import type { Estimator } from "../../governance/estimator.ts"
import type { Amounts, CompiledLimits, Lease, Subject } from "../../governance/state.ts"
import type { UsageRow } from "../../ledger/record.ts"
import type { Call } from "../call.ts"
import { NO_AMOUNTS, type Estimate } from "../call/hold.ts"
import type { AnswerEnd, Outcome } from "../call/outcome.ts"
import type { Gateway } from "../gateway.ts"
import { bytesPerImage } from "./estimate.ts"

export function closeLease(call: Call, { answer }: Outcome, usage: UsageRow, gateway: Gateway): void {
  const { state, estimator } = gateway.governance
  const lease = call.hold?.lease ?? null
  const estimate = call.hold?.estimate ?? null
  if (lease !== null) state.settle(lease, amountsOf(usage), gateway.clock.monotonicMs())
  if (lease !== null && estimate !== null) learn(call, estimate, answer, usage, estimator)
  bookLate(call, gateway, usage)
}

function amountsOf(usage: UsageRow): Amounts {
  return {
    // a call that neither a target nor a cache was asked for counts nowhere
    requests: usage.attempts > 0 || usage.cache === "hit" ? 1 : 0,
    tokens: usage.limit_tokens ?? 0,
    nanoUsd: usage.limit_nano_usd ?? 0,
  }
}

function learn(
  { request }: Call,
  estimate: Estimate,
  { attempt }: AnswerEnd,
  usage: UsageRow,
  estimator: Estimator,
): void {
  if (attempt === null || usage.usage_source !== "provider") return
  const { input_tokens: tokens } = usage
  if (tokens === null) return
  estimator.compare(estimate.inputTokens, tokens)
  const { model } = attempt.target
  if (estimate.textBytes !== null) estimator.learn(model, estimate.textBytes, tokens)
  if (estimate.imageTextBytes === null) return
  const images = { count: usage.input_image_count ?? 0, bytes: request === null ? 0 : bytesPerImage(request) }
  const imageTokens = usage.input_image_tokens === 0 ? null : usage.input_image_tokens
  estimator.learnImages(model, images, estimate.imageTextBytes, tokens, imageTokens)
}

/**
 * Of the caller and the project that the call's row names, what had no limits when the call began counts it all the same where it has
 * some now, or has some in other processes.
 */
function bookLate(call: Call, gateway: Gateway, usage: UsageRow): void {
  const caller = call.credential?.caller
  const isShared = gateway.governance.state.isStoreUp !== null
  if (caller === undefined || (call.snapshot === gateway.snapshot && !isShared)) return
  const held = new Set(caller.limits?.subjects.map(({ key }) => key))
  const outside = { callerId: caller.id, project: caller.project, ts: call.ts }
  bookOutside(outside, amountsOf(usage), gateway, { held, id: call.id })
}

const NONE: ReadonlySet<string> = new Set()
const NOTHING_CHECKED: Omit<CompiledLimits, "subjects"> = {
  checks: [],
  countsTokens: false,
  countsMoney: false,
  shapes: false,
  queue: null,
}

/** What was used without a lease. */
export interface Outside {
  readonly callerId: string
  readonly project: string
  /** When the call came, Unix milliseconds. */
  readonly ts: number
}

/** Charges usage without a lease to the caller, and to its project at the time of the call, where they have limits. */
export function bookOutside(
  outside: Outside,
  amounts: Amounts,
  gateway: Gateway,
  { held = NONE, id }: { readonly held?: ReadonlySet<string>; readonly id?: string } = {},
): void {
  const { state } = gateway.governance
  const limits = limitsOutside(outside, held, gateway)
  if (limits !== null) state.book(limits, outside.ts, amounts, gateway.clock.monotonicMs(), id)
}

/**
 * A lease of nothing in a shared state, for a row that is about to be written under `id`: settled behind the row, and where
 * the process is killed in between, others read from the row what is to be booked. Until then it takes a place of
 * `concurrent`. Null: nothing counts it, or the state does not answer.
 */
export async function holdOutside(outside: Outside, id: string, gateway: Gateway): Promise<Lease | null> {
  const { state } = gateway.governance
  const limits = state.isStoreUp === true ? limitsOutside(outside, NONE, gateway) : null
  if (limits === null) return null
  const request = { ...NO_AMOUNTS, id, limits, ts: outside.ts, nowMs: gateway.clock.monotonicMs() }
  try {
    const outcome = await state.admit(request)
    return outcome.kind === "lease" ? outcome : null
  } catch (error) {
    gateway.log.warn("limits are corrected later: the shared state does not answer", { request_id: id, error })
    return null
  }
}

function limitsOutside(
  { callerId, project }: Outside,
  held: ReadonlySet<string>,
  { snapshot, governance }: Gateway,
): CompiledLimits | null {
  const { state } = governance
  const named: readonly (readonly [Subject["scope"], string])[] = [
    ["caller", callerId],
    ["project", project],
  ]
  const subjects = named.flatMap(([scope, name]): Subject[] => {
    const key = `${scope}:${name}`
    if (held.has(key)) return []
    const own = snapshot.limitedSubjects.get(key)
    if (own !== undefined) return [own]
    return state.isCounted(key) ? [{ key, scope, id: name }] : []
  })
  return subjects.length === 0 ? null : { ...NOTHING_CHECKED, subjects }
}
