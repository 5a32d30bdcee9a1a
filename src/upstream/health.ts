/**
 * How each target is doing: its breaker, and the shared capacity that it draws on. Kept over reloads for what has not
 * changed, and dropped with the configuration that named it.
 */
import type { Group, ShapingRule, Snapshot, Target } from "../config/snapshot.ts"
import { Breaker, type BreakerState } from "./breaker.ts"
import { Scope } from "./shaping.ts"

export class TargetHealth {
  readonly group: string
  readonly breaker: Breaker
  /** Widest first. */
  readonly scopes: readonly Scope[]

  constructor(group: string, breaker: Breaker, scopes: readonly Scope[]) {
    this.group = group
    this.breaker = breaker
    this.scopes = scopes
  }
}

/** Why a target is tried after the others. */
export type HindranceReason = "breaker-open" | "probe-in-flight" | "rate-limited" | "quota-exhausted"

export interface Hindrance {
  readonly reason: HindranceReason
  /** Whose pause it is; null: the target's own breaker. */
  readonly scope: ShapingRule["kind"] | null
  /** When it ends; in the past where that is not known. */
  readonly until: number
}

/** A target's health for those who only look. */
export interface Standing {
  readonly breaker: BreakerState
  readonly isProbed: boolean
  readonly hindrance: Hindrance | null
}

interface KeptScope {
  readonly rule: string
  readonly scope: Scope
}

export class Health {
  private targets = new WeakMap<Target, TargetHealth>()
  private byKey = new Map<string, TargetHealth>()
  private scopes = new Map<string, KeptScope>()
  private openBreakers = 0
  /** No pause is longer. */
  private pausedUntil = -Infinity

  /** Takes a configuration's targets over; what stands in it unchanged keeps its state. */
  adopt(snapshot: Snapshot, now: number): void {
    const byKey = new Map<string, TargetHealth>()
    const scopes = new Map<string, KeptScope>()
    for (const group of new Set(snapshot.groups.values())) {
      for (const [target, key] of keysOf(group)) {
        const breaker = this.byKey.get(key)?.breaker ?? new Breaker(snapshot.breaker)
        breaker.adopt(snapshot.breaker)
        const shared = target.shaping.map((rule) => this.scopeFor(rule, scopeKey(rule, target, key), scopes, now))
        const health = new TargetHealth(group.name, breaker, shared)
        byKey.set(key, health)
        this.targets.set(target, health)
      }
    }
    this.byKey = byKey
    this.scopes = scopes
    this.countOpen()
  }

  /** @throws Error for a target that was never adopted */
  of(target: Target): TargetHealth {
    const health = this.targets.get(target)
    if (health === undefined) throw new Error("a target without health")
    return health
  }

  /** True: no target is hindered, so none needs to be looked at. `now` may lie a little in the past. */
  isQuiet(now: number): boolean {
    return this.openBreakers === 0 && now >= this.pausedUntil
  }

  /** True: the target's breaker has closed. */
  succeeded(health: TargetHealth, startedAt: number, now: number): boolean {
    for (const scope of health.scopes) {
      scope.rateLimited?.succeeded(startedAt)
      scope.quotaExhausted?.succeeded(startedAt)
    }
    const hasClosed = health.breaker.succeeded(startedAt, now)
    if (hasClosed) this.countOpen()
    return hasClosed
  }

  /** A fault of the provider. True: the target's breaker has opened. */
  failed(health: TargetHealth, startedAt: number, now: number): boolean {
    const hasOpened = health.breaker.failed(startedAt, now)
    if (hasOpened) this.countOpen()
    return hasOpened
  }

  /** A pause was begun or made longer. */
  paused(until: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, until)
  }

  standing(target: Target, now: number): Standing {
    const { breaker, scopes } = this.of(target)
    return { breaker: breaker.state(now), isProbed: breaker.isProbed, hindrance: hindranceOf(breaker, scopes, now) }
  }

  private scopeFor(rule: ShapingRule, key: string, scopes: Map<string, KeptScope>, now: number): Scope {
    const text = JSON.stringify(rule)
    const earlier = scopes.get(key) ?? this.scopes.get(key)
    const kept = earlier?.rule === text ? earlier : { rule: text, scope: new Scope(rule, now) }
    scopes.set(key, kept)
    return kept.scope
  }

  private countOpen(): void {
    this.openBreakers = 0
    for (const { breaker } of this.byKey.values()) if (breaker.isOpen) this.openBreakers++
  }
}

/** The hindrance that lasts longest; null: the target is as good as any. A half-open target waits for its probe. */
function hindranceOf(breaker: Breaker, scopes: readonly Scope[], now: number): Hindrance | null {
  let worst: Hindrance | null = null
  if (breaker.isOpen) {
    if (now < breaker.openUntil) worst = { reason: "breaker-open", scope: null, until: breaker.openUntil }
    else if (breaker.isProbed) worst = { reason: "probe-in-flight", scope: null, until: now }
  }
  for (const { kind, rateLimited, quotaExhausted } of scopes) {
    if (rateLimited !== null && rateLimited.until > Math.max(now, worst?.until ?? now))
      worst = { reason: "rate-limited", scope: kind, until: rateLimited.until }
    if (quotaExhausted !== null && quotaExhausted.until > Math.max(now, worst?.until ?? now))
      worst = { reason: "quota-exhausted", scope: kind, until: quotaExhausted.until }
  }
  return worst
}

/** Each target with what it is known by over reloads: where it stands and where it leads. Twins are told apart by their order. */
function keysOf(group: Group): readonly (readonly [target: Target, key: string])[] {
  const seen = new Map<string, number>()
  return group.targets.map((target) => {
    const key = JSON.stringify([group.name, target.provider.name, target.model, target.dialect, target.url])
    const twin = seen.get(key) ?? 0
    seen.set(key, twin + 1)
    return [target, `${key} ${twin}`]
  })
}

function scopeKey(rule: ShapingRule, target: Target, targetKey: string): string {
  if (rule.kind === "target") return `target ${targetKey}`
  return JSON.stringify([rule.kind, target.provider.name, rule.kind === "provider" ? null : target.modelRef])
}
