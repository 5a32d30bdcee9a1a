/**
 * How each target is doing: its breaker, and the shared capacity that it draws on. Kept over reloads for what has not
 * changed, and dropped with the configuration that named it.
 */
import type { Group, ShapingRule, Snapshot, Target } from "../config/snapshot.ts"
import type { Backoff } from "./backoff.ts"
import { Breaker, type BreakerState } from "./breaker.ts"
import type { News, PauseReason } from "./news.ts"
import { Scope } from "./shaping.ts"
import { ToldReasons } from "./told-reasons.ts"

export class TargetHealth {
  /** The same in every process that has it in its configuration; tells nothing. */
  readonly name: string
  readonly group: string
  readonly breaker: Breaker
  /** Widest first. */
  readonly scopes: readonly Scope[]
  readonly told: ToldReasons

  constructor(
    name: string,
    group: string,
    { breaker, told }: Pick<TargetHealth, "breaker" | "told">,
    scopes: readonly Scope[],
  ) {
    this.name = name
    this.group = group
    this.breaker = breaker
    this.told = told
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
  private byName = new Map<string, TargetHealth>()
  private scopes = new Map<string, KeptScope>()
  private openBreakers = 0
  /** No pause is longer. */
  private pausedUntil = -Infinity
  /** Tells other processes; null: there are none. */
  tell: ((news: News) => void) | null = null
  /** Of a scope that no process has known: what this one may use of it. */
  firstPart = 1

  /** Takes a configuration's targets over; what stands in it unchanged keeps its state. */
  adopt(snapshot: Snapshot, now: number): void {
    const byName = new Map<string, TargetHealth>()
    const scopes = new Map<string, KeptScope>()
    for (const group of new Set(snapshot.groups.values())) {
      for (const [target, key] of keysOf(group)) {
        const name = nameOf(key)
        const known = this.byName.get(name) ?? { breaker: new Breaker(snapshot.breaker), told: new ToldReasons() }
        known.breaker.adopt(snapshot.breaker)
        const shared = target.shaping.map((rule) => this.scopeFor(rule, scopeKey(rule, target, key), scopes, now))
        const health = new TargetHealth(name, group.name, known, shared)
        byName.set(name, health)
        this.targets.set(target, health)
      }
    }
    this.byName = byName
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
      if (scope.rateLimited?.succeeded(startedAt) === true) this.rested(scope, "rate_limited", startedAt)
      if (scope.quotaExhausted?.succeeded(startedAt) === true) this.rested(scope, "quota_exhausted", startedAt)
    }
    const hasClosed = health.breaker.succeeded(startedAt, now)
    if (hasClosed) {
      this.countOpen()
      this.tell?.({ is: "close", target: health.name, startedAt })
    }
    return hasClosed
  }

  /** A fault of the provider. True: the target's breaker has opened. */
  failed(health: TargetHealth, startedAt: number, now: number): boolean {
    const { breaker, name: target } = health
    const before = breaker.openUntil
    const hasOpened = breaker.failed(startedAt, now)
    if (hasOpened) this.countOpen()
    if (hasOpened || breaker.openUntil !== before) this.tell?.({ is: "open", target, until: breaker.openUntil })
    return hasOpened
  }

  /** A pause was begun or made longer. */
  paused(scope: Scope, reason: PauseReason, pause: Backoff): void {
    this.pausedUntil = Math.max(this.pausedUntil, pause.until)
    this.tell?.({ is: "pause", scope: scope.name, reason, pause })
  }

  /** What another process has found out. Heard twice is heard once. */
  hear(news: News, now: number): void {
    if ("scope" in news) {
      const scope = this.scopes.get(news.scope)?.scope
      const backoff = scope === undefined ? null : backoffOf(scope, news.reason)
      if (backoff === null) return
      if (news.is === "rest") {
        backoff.succeeded(news.startedAt)
        return
      }
      backoff.join(news.pause, now)
      this.pausedUntil = Math.max(this.pausedUntil, backoff.until)
      return
    }
    const breaker = this.byName.get(news.target)?.breaker
    if (breaker === undefined) return
    const hasChanged =
      news.is === "open" ? breaker.openElsewhere(news.until, now) : breaker.closedElsewhere(news.startedAt)
    if (hasChanged) this.countOpen()
  }

  /** What holds at the moment, for a store that has lost it. */
  news(): readonly News[] {
    const all: News[] = []
    for (const { scope } of this.scopes.values())
      for (const reason of ["rate_limited", "quota_exhausted"] as const) {
        const pause = backoffOf(scope, reason)
        if (pause !== null && pause.failures > 0) all.push({ is: "pause", scope: scope.name, reason, pause })
      }
    for (const { name: target, breaker } of this.byName.values())
      if (breaker.isOpen) all.push({ is: "open", target, until: breaker.openUntil })
    return all
  }

  /** Those that have something to share out between processes. */
  *scopesWithBuckets(): Iterable<Scope> {
    for (const { scope } of this.scopes.values()) if (scope.hasBuckets) yield scope
  }

  standing(target: Target, now: number): Standing {
    const { breaker, scopes } = this.of(target)
    return { breaker: breaker.state(now), isProbed: breaker.isProbed, hindrance: hindranceOf(breaker, scopes, now) }
  }

  private scopeFor(rule: ShapingRule, key: string, scopes: Map<string, KeptScope>, now: number): Scope {
    const text = JSON.stringify(rule)
    const name = nameOf(key)
    const earlier = scopes.get(name) ?? this.scopes.get(name)
    if (earlier?.rule === text) {
      scopes.set(name, earlier)
      return earlier.scope
    }
    const scope = new Scope(name, rule, now)
    // one without buckets was never shared out
    scope.allot(earlier?.scope.hasBuckets === true ? earlier.scope.part : this.firstPart, true, now)
    scopes.set(name, { rule: text, scope })
    return scope
  }

  private rested({ name: scope }: Scope, reason: PauseReason, startedAt: number): void {
    this.tell?.({ is: "rest", scope, reason, startedAt })
  }

  private countOpen(): void {
    this.openBreakers = 0
    for (const { breaker } of this.byName.values()) if (breaker.isOpen) this.openBreakers++
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

function backoffOf(scope: Scope, reason: PauseReason): Backoff | null {
  return reason === "rate_limited" ? scope.rateLimited : scope.quotaExhausted
}

/** Short, and without the addresses of providers: it is seen by others. */
function nameOf(key: string): string {
  return new Bun.CryptoHasher("sha256").update(key).digest("hex").slice(0, 16)
}
