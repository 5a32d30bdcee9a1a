/** A caller's limits and those of its project, as one list of checks. */
import { CHECK_FACTS, CHECK_KINDS, isMoney, isPeriodic, type CheckKind } from "../../governance/check-kinds.ts"
import type { Check, CompiledLimits, Subject } from "../../governance/state.ts"
import type { CallerBuckets, CallerConfig, Config, ProjectConfig } from "../config.ts"

interface Amounts {
  readonly limits: Partial<Record<CheckKind, number>>
  /** Of token buckets: what comes back in a second. */
  readonly perSecond: Partial<Record<CheckKind, number>>
  /** Shares from which a state is `warning`, in percent. */
  readonly quotaSoftPercent: number
  readonly keySoftPercent: number
}

const NANO = 1e9
const WHOLE_PERCENT = 100

/** Compiles the limits of one caller and its project. Null: there are none at all. */
export function limitsCompiler(config: Config): (caller: CallerConfig) => CompiledLimits | null {
  const projects = new Map(config.projects.map((project) => [project.id, amountsOfProject(project)]))
  const shared = new WeakMap<object, { readonly of: CallerConfig; readonly limits: CompiledLimits | null }>()
  return (caller) => {
    const known = shared.get(caller.rate)
    if (known !== undefined && isLimitedAlike(known.of, caller)) return known.limits && limitsFor(caller, known.limits)
    const limits = compiled(
      [
        [subject("caller", caller.id), amountsOfCaller(caller, config)],
        [subject("project", caller.project), projects.get(caller.project) ?? NO_AMOUNTS],
      ],
      bucketsOf(caller, config),
    )
    shared.set(caller.rate, { of: caller, limits })
    return limits
  }
}

const LIMITING = ["rate", "quota", "spend", "key", "traffic_shape", "project"] as const

function isLimitedAlike(one: CallerConfig, other: CallerConfig): boolean {
  return LIMITING.every((key) => one[key] === other[key])
}

function limitsFor({ id }: CallerConfig, limits: CompiledLimits): CompiledLimits {
  return { ...limits, subjects: limits.subjects.map((one) => (one.scope === "caller" ? subject("caller", id) : one)) }
}

function subject(scope: Subject["scope"], id: string): Subject {
  return { key: `${scope}:${id}`, scope, id }
}

const NO_AMOUNTS: Amounts = { limits: {}, perSecond: {}, quotaSoftPercent: 0, keySoftPercent: 0 }

function amountsOfCaller(caller: CallerConfig, config: Config): Amounts {
  const buckets = bucketsOf(caller, config)
  return {
    limits: {
      ...amountsOf(caller),
      lifetime_tokens: caller.key.lifetime_tokens,
      ...(buckets === null ? {} : bursts(buckets)),
    },
    perSecond: buckets === null ? {} : rates(buckets),
    quotaSoftPercent: caller.quota.soft_pct,
    keySoftPercent: caller.key.soft_pct,
  }
}

function amountsOfProject(project: ProjectConfig): Amounts {
  return {
    limits: amountsOf(project),
    perSecond: {},
    quotaSoftPercent: project.quota.soft_pct,
    keySoftPercent: 0,
  }
}

/** The limits that callers and projects may both have. */
function amountsOf({ rate, quota, spend }: CallerConfig | ProjectConfig): Amounts["limits"] {
  return {
    concurrent: rate.concurrent,
    rpm: rate.rpm,
    tpm: rate.tpm,
    day_requests: quota.day.requests,
    day_tokens: quota.day.tokens,
    month_requests: quota.month.requests,
    month_tokens: quota.month.tokens,
    day_nano_usd: nanoUsd(spend.day_usd),
    month_nano_usd: nanoUsd(spend.month_usd),
  }
}

function nanoUsd(usd: number): number {
  return Math.min(Math.round(usd * NANO), Number.MAX_SAFE_INTEGER)
}

/** The caller's own block stands in place of the server's; null: nothing is shaped. */
function bucketsOf(caller: CallerConfig, config: Config): CallerBuckets | null {
  const own = caller.traffic_shape
  if (own !== undefined) return own.enabled ? own : null
  const { enabled, default_caller: start } = config.server.traffic_shape
  return enabled ? start : null
}

function rates(buckets: CallerBuckets): Amounts["perSecond"] {
  return {
    request_start: buckets.request_start_per_sec,
    input_tokens: buckets.input_tokens_per_sec,
    output_reservation_tokens: buckets.output_reservation_tokens_per_sec,
    total_reserved_tokens: buckets.total_reserved_tokens_per_sec,
  }
}

/** A bucket without a burst holds what comes in a second, and at least one call or token. */
function burst(size: number, perSecond: number): number {
  if (perSecond === 0) return 0
  return size > 0 ? size : Math.max(1, Math.ceil(perSecond))
}

function bursts(buckets: CallerBuckets): Amounts["limits"] {
  return {
    request_start: burst(buckets.request_burst, buckets.request_start_per_sec),
    input_tokens: burst(buckets.input_token_burst, buckets.input_tokens_per_sec),
    output_reservation_tokens: burst(buckets.output_reservation_token_burst, buckets.output_reservation_tokens_per_sec),
    total_reserved_tokens: burst(buckets.total_reserved_token_burst, buckets.total_reserved_tokens_per_sec),
  }
}

function compiled(
  parts: readonly (readonly [Subject, Amounts])[],
  buckets: CallerBuckets | null,
): CompiledLimits | null {
  const limited = parts.filter(([, { limits }]) => Object.values(limits).some((limit) => limit > 0))
  if (limited.length === 0) return null
  const checks = CHECK_KINDS.flatMap((kind) =>
    limited.flatMap(([, amounts], index): Check[] => {
      const limit = amounts.limits[kind] ?? 0
      if (limit <= 0) return []
      const perSecond = amounts.perSecond[kind] ?? 0
      return [{ kind, subject: index, limit, perSecond, softLimit: softLimit(kind, limit, amounts) }]
    }),
  )
  const queue = buckets?.queue
  return {
    subjects: limited.map(([who]) => who),
    checks,
    countsTokens: checks.some(({ kind }) => CHECK_FACTS[kind].counts !== "calls"),
    countsMoney: checks.some(({ kind }) => isMoney(kind)),
    shapes: checks.some(({ perSecond }) => perSecond > 0),
    queue: queue?.enabled === true ? { maxWaitMs: queue.max_wait_ms, maxDepth: queue.max_depth } : null,
  }
}

function softLimit(kind: CheckKind, limit: number, { quotaSoftPercent, keySoftPercent }: Amounts): number {
  if (isPeriodic(kind)) return (limit * quotaSoftPercent) / WHOLE_PERCENT
  return CHECK_FACTS[kind].over === "lifetime" ? (limit * keySoftPercent) / WHOLE_PERCENT : Infinity
}
