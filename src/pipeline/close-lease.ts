/** Gives back what a call held of its caller's limits, and books what its row says. Runs once, on every way out. */
import type { Amounts, CompiledLimits, Lease, Subject } from "../governance/state.ts"
import type { UsageRow } from "../ledger/record.ts"
import type { Call } from "./call.ts"
import { bytesPerImage } from "./estimate.ts"
import type { Gateway } from "./gateway.ts"

export function closeLease(call: Call, gateway: Gateway, usage: UsageRow): void {
  const { lease } = call
  if (lease !== null) {
    gateway.governance.state.settle(lease, amountsOf(call, usage), gateway.clock.monotonicMs())
    learn(call, gateway, usage)
  }
  bookLate(call, gateway, usage)
}

function amountsOf(call: Call, usage: UsageRow): Amounts {
  return {
    // what no target was asked for counts nowhere
    requests: call.attempts.length > 0 ? 1 : 0,
    tokens: usage.limit_tokens ?? 0,
    nanoUsd: usage.limit_nano_usd ?? 0,
  }
}

function learn(call: Call, { governance }: Gateway, usage: UsageRow): void {
  const { estimate, current } = call
  if (estimate === null || current === undefined || usage.usage_source !== "provider") return
  const { input_tokens: tokens } = usage
  if (tokens === null) return
  governance.estimator.compare(estimate.inputTokens, tokens)
  const { model } = current.target
  if (estimate.textBytes !== null) governance.estimator.learn(model, estimate.textBytes, tokens)
  if (estimate.imageTextBytes === null) return
  const images = { count: usage.input_image_count ?? 0, bytes: bytesPerImage(call) }
  const imageTokens = usage.input_image_tokens === 0 ? null : usage.input_image_tokens
  governance.estimator.learnImages(model, images, estimate.imageTextBytes, tokens, imageTokens)
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
  bookOutside(outside, amountsOf(call, usage), gateway, { held, id: call.id })
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

/** Books what was used without a lease, by the caller and in the project that it was in then, as far as they have limits. */
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
  const request = { ...NOTHING_ASKED, id, limits, ts: outside.ts, nowMs: gateway.clock.monotonicMs() }
  try {
    const outcome = await state.admit(request)
    return outcome.kind === "lease" ? outcome : null
  } catch (error) {
    gateway.log.warn("limits are corrected later: the shared state does not answer", { request_id: id, error })
    return null
  }
}

const NOTHING_ASKED = {
  inputTokens: 0,
  outputTokens: 0,
  leastOutputTokens: 0,
  inputNanoUsd: 0,
  outputNanoUsdPerMillion: 0,
} as const

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
