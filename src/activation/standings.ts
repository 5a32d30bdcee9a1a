/**
 * How the targets of gated groups stand, in memory, from the records that were adopted. What a call asks is worked out once
 * for each target, dialect and change of the records; a call then compares times.
 */
import type { Group, Target } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/name.ts"
import { CAPABILITIES, type Capability, type StandingState } from "./capabilities.ts"
import { fingerprintsOf } from "./fingerprint.ts"
import type { ActivationRecord } from "./record.ts"

export interface CapabilityStanding {
  /** `proven` also where it has expired since: `untilMs` says. */
  readonly state: Exclude<StandingState, "expired">
  /** The record that counts; null: there is none of this configuration. */
  readonly record: ActivationRecord | null
  /** Unix milliseconds until which it is proven; 0 where it is not. */
  readonly untilMs: number
}

export type TargetStanding = Readonly<Record<Capability, CapabilityStanding>>

/** The group that a standing is asked for, by its name and its rule. */
export type GatedGroup = Pick<Group, "name" | "activation">

export class Standings {
  /** By what they are about, and then by what tells records of one kind apart: the newest of each. */
  readonly #records = new Map<string, Map<string, ActivationRecord>>()
  #compiled = new WeakMap<Target, Map<DialectName, TargetStanding>>()

  /** Keeps what is newer than what is known. Returns what was new. */
  adopt(records: readonly ActivationRecord[]): readonly ActivationRecord[] {
    const fresh = records.filter((record) => this.#keep(record))
    if (fresh.length > 0) this.#compiled = new WeakMap()
    return fresh
  }

  /** Of calls of that dialect. `target` must be one of the group's. */
  of(group: GatedGroup, target: Target, dialect: DialectName): TargetStanding {
    let ofTarget = this.#compiled.get(target)
    if (ofTarget === undefined) {
      ofTarget = new Map<DialectName, TargetStanding>()
      this.#compiled.set(target, ofTarget)
    }
    let standing = ofTarget.get(dialect)
    if (standing === undefined) ofTarget.set(dialect, (standing = this.#compile(group, target, dialect)))
    return standing
  }

  #keep(record: ActivationRecord): boolean {
    const about = aboutKey(record.provider, record.model, record.dialect)
    let known = this.#records.get(about)
    if (known === undefined) {
      known = new Map<string, ActivationRecord>()
      this.#records.set(about, known)
    }
    const key = [record.group, record.capability, record.fingerprint, record.signer ?? null].join("\n")
    const before = known.get(key)
    if (before !== undefined && before.checkedAtMs >= record.checkedAtMs) return false
    known.set(key, record)
    return true
  }

  #compile(group: GatedGroup, target: Target, dialect: DialectName): TargetStanding {
    const direct = fingerprintsOf(target, null)
    const through = fingerprintsOf(target, group.name)
    const entries = CAPABILITIES.map((capability) => {
      // a key may use a model or not, whatever dialect its client speaks
      const spoken = capability === "entitlement" ? target.dialect : dialect
      const about = this.#records.get(aboutKey(target.provider.name, target.model, spoken))
      const counting = [...(about?.values() ?? [])].filter(
        (record) => record.capability === capability && counts(record, group, spoken === target.dialect),
      )
      const expected = (record: ActivationRecord): string => (record.group === null ? direct : through)[capability]
      const current = counting.filter((record) => record.fingerprint === expected(record))
      return [capability, standingOf(current, counting.length > current.length, group)]
    })
    return Object.fromEntries(entries) as TargetStanding
  }
}

/** What is proven at the upstream itself tells of calls of its own dialect, in every group. */
function counts(record: ActivationRecord, { name, activation }: GatedGroup, isOwnDialect: boolean): boolean {
  if (record.group === null ? !isOwnDialect : record.group !== name) return false
  return record.source !== "import" || activation?.trust.has(record.signer ?? "") === true
}

/** Of each way to check, directly or through the group, the newest record counts; a failure of either stands. */
function standingOf(current: readonly ActivationRecord[], isChanged: boolean, group: GatedGroup): CapabilityStanding {
  const newest = [newestOf(current, true), newestOf(current, false)].filter((record) => record !== null)
  const failed = newest.find((record) => record.result === "fail" && !isCleared(record, newest))
  if (failed !== undefined) return { state: "failed", record: failed, untilMs: 0 }
  const passed = newest.filter(({ result }) => result === "pass")
  const [best] = passed.toSorted((left, right) => expiryOf(right, group) - expiryOf(left, group))
  if (best !== undefined) return { state: "proven", record: best, untilMs: expiryOf(best, group) }
  return { state: isChanged ? "changed" : "missing", record: null, untilMs: 0 }
}

/** What calls have suspended, any later check of the same dialect proves anew. */
function isCleared(failed: ActivationRecord, newest: readonly ActivationRecord[]): boolean {
  if (failed.source !== "traffic") return false
  return newest.some(({ result, checkedAtMs }) => result === "pass" && checkedAtMs > failed.checkedAtMs)
}

function newestOf(records: readonly ActivationRecord[], isDirect: boolean): ActivationRecord | null {
  let newest: ActivationRecord | null = null
  for (const record of records) {
    if ((record.group === null) !== isDirect) continue
    if (newest === null || record.checkedAtMs > newest.checkedAtMs) newest = record
  }
  return newest
}

/** The group says how long a record holds; what was made elsewhere may say less. */
function expiryOf(record: ActivationRecord, { activation }: GatedGroup): number {
  if (activation === null) return record.expiresAtMs
  const own = record.checkedAtMs + activation.expiresAfterMs
  return record.source === "import" ? Math.min(own, record.expiresAtMs) : own
}

/** `nowMs`: Unix milliseconds. */
export function stateAt({ state, untilMs }: CapabilityStanding, nowMs: number): StandingState {
  return state === "proven" && untilMs <= nowMs ? "expired" : state
}

function aboutKey(provider: string, model: string, dialect: DialectName): string {
  return [provider, dialect, model].join("\n")
}
