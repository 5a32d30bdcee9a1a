/**
 * The live figures of all targets that somebody wants observed, in the memory of this process. The pipeline writes a few
 * numbers when an attempt begins and ends; strategies read. A reload keeps what is known of targets that stay as they are.
 */
import type { BilledUsage } from "../canonical/billed-usage.ts"
import type { Group, Target } from "../config/snapshot.ts"
import { NO_FIGURES, type EngineLoad, type Figures, type LiveView } from "./live-view.ts"
import { TargetWindow } from "./window.ts"

interface Reading {
  readonly load: EngineLoad
  readonly until: number
}

export class Observations implements LiveView {
  /** By `Target.observed.key`. */
  private readonly windows = new Map<string, TargetWindow>()
  /** The same, found without hashing a text. Targets of older configurations stay as long as their calls. */
  private readonly byTarget = new WeakMap<Target, TargetWindow>()
  /** By provider. */
  private readonly readings = new Map<string, Reading>()
  /** By group: for each lane the key of a target. */
  private readonly leaders = new Map<string, (string | undefined)[]>()

  begin(target: Target): void {
    const window = this.windowOf(target)
    if (window === null) return
    window.begun++
    window.inFlight++
  }

  /** The attempt that began gave a whole answer. */
  answered(
    target: Target,
    now: number,
    durationMs: number,
    firstTokenMs: number | null,
    usage: BilledUsage | null,
  ): void {
    const window = this.windowOf(target)
    if (window === null) return
    window.inFlight--
    window.answered(now, durationMs, firstTokenMs, usage)
  }

  /** It failed by the target's fault. */
  failed(target: Target, now: number, durationMs: number, timedOut: boolean, beforeContent: boolean): void {
    const window = this.windowOf(target)
    if (window === null) return
    window.inFlight--
    window.failed(now, durationMs, timedOut, beforeContent)
  }

  /** It ended in a way that says nothing about the target: the caller left, or its request was refused. */
  dropped(target: Target): void {
    const window = this.windowOf(target)
    if (window !== null) window.inFlight--
  }

  /** `null`: nothing can be said until the next reading. */
  engineRead(provider: string, load: EngineLoad | null, until: number): void {
    if (load === null) this.readings.delete(provider)
    else this.readings.set(provider, { load, until })
  }

  /** An order of this lane begins with the target. */
  follow(group: Group, lane: number, target: Target): void {
    const key = target.observed?.key
    let lanes = this.leaders.get(group.name)
    if (lanes === undefined) this.leaders.set(group.name, (lanes = []))
    lanes[lane] = key
  }

  /** Forgets what the configuration does not name any more. */
  keep(groups: Iterable<Group>): void {
    const names = new Set<string>()
    const keys = new Set<string>()
    const providers = new Set<string>()
    for (const group of groups) {
      names.add(group.name)
      for (const target of group.targets) {
        if (target.observed !== null) keys.add(target.observed.key)
        providers.add(target.provider.name)
      }
    }
    for (const key of this.windows.keys()) if (!keys.has(key)) this.windows.delete(key)
    for (const name of this.leaders.keys()) if (!names.has(name)) this.leaders.delete(name)
    for (const name of this.readings.keys()) if (!providers.has(name)) this.readings.delete(name)
  }

  figures(target: Target, now: number): Figures {
    return this.windowOf(target)?.figures(now) ?? NO_FIGURES
  }

  attemptsBegun(target: Target): number {
    return this.windowOf(target)?.begun ?? 0
  }

  inFlight(target: Target): number {
    return this.windowOf(target)?.inFlight ?? 0
  }

  engineLoad(target: Target, now: number): EngineLoad | null {
    const reading = this.readings.get(target.provider.name)
    return reading !== undefined && now <= reading.until ? reading.load : null
  }

  leader(group: Group, lane: number): string | null {
    return this.leaders.get(group.name)?.[lane] ?? null
  }

  private windowOf(target: Target): TargetWindow | null {
    return this.byTarget.get(target) ?? this.found(target)
  }

  private found(target: Target): TargetWindow | null {
    const { observed } = target
    if (observed === null) return null
    let window = this.windows.get(observed.key)
    if (window === undefined) {
      window = new TargetWindow(observed.windowMs, observed.enough)
      this.windows.set(observed.key, window)
    }
    this.byTarget.set(target, window)
    return window
  }
}
