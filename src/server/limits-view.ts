/** A caller's limits as it sees them itself: its own and those of its project. */
import type { Caller } from "../config/snapshot.ts"
import { CHECK_FACTS, type CheckKind } from "../governance/check-kinds.ts"
import type { CheckView, LimitState } from "../governance/state.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { limitName } from "../pipeline/limits/refuse.ts"

export interface LimitLine {
  readonly scope: "caller" | "project"
  /** As the configuration names it. */
  readonly limit: string
  readonly unit: "requests" | "tokens" | "usd" | "calls"
  readonly limit_value: number
  readonly used: number
  /** Held by calls in flight. */
  readonly reserved: number
  readonly remaining: number
  readonly resets_at: string | null
  readonly state: LimitState
}

export interface LimitsView {
  readonly limits: readonly LimitLine[]
  readonly quota_state: LimitState | null
  readonly key_state: LimitState | null
}

const NANO = 1e9

/** By the newest configuration, whatever the one is that the question came with: counts and limits are of the same moment. */
export async function limitsView({ id }: Caller, gateway: Gateway): Promise<LimitsView> {
  const limits = gateway.snapshot.callerLimits.get(id) ?? null
  if (limits === null) return { limits: [], quota_state: null, key_state: null }
  const { clock, governance } = gateway
  const views = await governance.state.view(limits, clock.now(), clock.monotonicMs())
  const lines = views.map(lineOf)
  return {
    limits: lines,
    quota_state: gravest(lines.filter(({ limit }) => limit.startsWith("quota.") || limit.startsWith("spend."))),
    key_state: gravest(lines.filter(({ limit }) => limit.startsWith("key."))),
  }
}

export function lineOf({ check, subject, used, reserved, resetsAt }: CheckView): LimitLine {
  const unit = unitOf(check.kind)
  const shown = (amount: number): number => (unit === "usd" ? amount / NANO : amount)
  const taken = used + reserved
  return {
    scope: subject.scope,
    limit: limitName(check.kind),
    unit,
    limit_value: shown(check.limit),
    used: shown(used),
    reserved: shown(reserved),
    remaining: shown(Math.max(0, check.limit - taken)),
    resets_at: resetsAt === null ? null : new Date(resetsAt).toISOString(),
    state: taken >= check.limit ? "exhausted" : taken >= check.softLimit ? "warning" : "ok",
  }
}

function unitOf(kind: CheckKind): LimitLine["unit"] {
  const { over, counts } = CHECK_FACTS[kind]
  if (counts === "nano_usd") return "usd"
  if (counts !== "calls") return "tokens"
  return over === "flight" ? "calls" : "requests"
}

function gravest(lines: readonly LimitLine[]): LimitState | null {
  if (lines.length === 0) return null
  const states = new Set(lines.map(({ state }) => state))
  return states.has("exhausted") ? "exhausted" : states.has("warning") ? "warning" : "ok"
}
