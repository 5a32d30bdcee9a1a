/** Runs the checks of the chosen targets, within the money, and records what they showed. */
import type { Capability } from "../../activation/capabilities.ts"
import type { ActivationRecord } from "../../activation/record.ts"
import { openActivationRecords } from "../../activation/store.ts"
import type { Config } from "../../config/config.ts"
import type { DialectName } from "../../dialects/name.ts"
import { upstreamSockets } from "../../server/connection-bounds.ts"
import { usageAddress } from "../../server/retention.ts"
import { startRouter } from "../../server/start.ts"
import { silentLog } from "../../system/log.ts"
import { startPinnedRouter } from "../../server/pinned-router.ts"
import { systemClock } from "../../system/clock.ts"
import { systemRandom } from "../../system/random.ts"
import { Upstream } from "../../upstream/send.ts"
import { clientsOf } from "../../validation/clients.ts"
import type { RouterDoor } from "../../validation/address.ts"
import { NANO_PER_USD, Purse } from "../../validation/purse.ts"
import { type CheckResult, type PlannedRun, planOf, recordOf, runTarget } from "../../validation/run.ts"
import { SHARED_COLOURS } from "../../validation/squares.ts"
import { wordsFrom } from "../../validation/words.ts"
import { printError } from "../command.ts"
import { Interrupt } from "../interrupt.ts"
import { Progress } from "../progress.ts"
import type { Chosen } from "./chosen.ts"
import type { LoadedWhole } from "./loaded.ts"

export interface ValidationOrder {
  /** Null: what is declared. */
  readonly only: ReadonlySet<Capability> | null
  readonly asksUndeclared: boolean
  readonly isDeep: boolean
  readonly imageUrl: string | null
  /** A running router; null: one is started for each target. */
  readonly door: Omit<RouterDoor, "group"> | null
  readonly throughRouter: boolean
  /** Dialects of clients through the router; null: all that the group serves. */
  readonly clients: ReadonlySet<DialectName> | null
  /** Null: no bound. */
  readonly mostNanoUsd: number | null
  /** Targets without prices are not asked. */
  readonly isStrict: boolean
  readonly isRecorded: boolean
}

interface Validation extends ValidationOrder {
  readonly chosen: readonly Chosen[]
  readonly loaded: LoadedWhole
  readonly path: string
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface TargetReport extends Chosen {
  /** Its place in the group, counted from 1. */
  readonly place: number
  readonly results: readonly CheckResult[]
  /** Why no router could be started for it; null: it could, or none was needed. */
  readonly trouble: string | null
}

export interface ValidationReport {
  readonly targets: readonly TargetReport[]
  /** Nano-USD; null: a price is unknown. */
  readonly mostNanoUsd: number | null
  readonly boundNanoUsd: number | null
  readonly spentNanoUsd: number
  readonly hasUnknownCost: boolean
  readonly recorded: number
  /** False: it was interrupted. */
  readonly isWhole: boolean
  readonly isOk: boolean
}

/** Ctrl-C ends it after the check that is on its way; what was proven until then is recorded. */
export async function runValidation(validation: Validation): Promise<ValidationReport> {
  const { chosen, loaded, mostNanoUsd: bound } = validation
  const plans = plansOf(validation)
  const most = plans.reduce<number | null>((sum, { cost }) => (sum === null || cost === null ? null : sum + cost), 0)
  const count = plans.reduce((sum, plan) => sum + plan.checks, 0)
  sayBefore(chosen.length, count, most, bound)
  const purses = { priced: new Purse(bound), unpriced: new Purse(validation.isStrict ? bound : null) }
  using interrupt = new Interrupt()
  const targets = await askAll(plans, count, validation, purses, interrupt)
  const records = validation.isRecorded ? recordsOf(targets) : []
  await record(records, loaded.reading.config)
  return {
    targets,
    mostNanoUsd: most,
    boundNanoUsd: bound,
    spentNanoUsd: purses.priced.spentNanoUsd + purses.unpriced.spentNanoUsd,
    hasUnknownCost: purses.unpriced.hasUnknown || purses.priced.hasUnknown,
    recorded: records.length,
    isWhole: !interrupt.isPressed,
    isOk: targets.every(({ results, trouble }) => trouble === null && results.every(isFine)),
  }
}

function isFine({ outcome }: CheckResult): boolean {
  return outcome === "pass" || outcome === "skipped"
}

interface Purses {
  readonly priced: Purse
  readonly unpriced: Purse
}

async function askAll(
  plans: readonly TargetPlan[],
  count: number,
  validation: Validation,
  purses: Purses,
  interrupt: Interrupt,
): Promise<readonly TargetReport[]> {
  const upstream = new Upstream(systemClock, upstreamSockets(validation.loaded.snapshot.connections))
  const progress = new Progress()
  const targets: TargetReport[] = []
  let done = 0
  try {
    for (const plan of plans) {
      if (interrupt.isPressed) break
      const { group, target, cost } = plan
      const results: CheckResult[] = []
      const purse = cost === null ? purses.unpriced : purses.priced
      const asked = await openDoor(plan, validation)
      try {
        for await (const result of resultsOf(plan, asked.door, validation, purse, upstream)) {
          results.push(result)
          if (result.outcome !== "skipped") done++
          progress.show(done / Math.max(1, count), `${target.provider.name}/${target.model} ${result.capability}`)
          if (interrupt.isPressed) break
        }
      } finally {
        await asked.close()
      }
      targets.push({ group, target, place: target.index + 1, results, trouble: asked.trouble })
    }
    return targets
  } finally {
    progress.end()
    upstream.close()
  }
}

interface TargetPlan extends Chosen, PlannedRun {
  /** The upstream was not asked for another group already. */
  readonly isDirect: boolean
  /** Dialects of the clients that ask through the router. */
  readonly clients: readonly DialectName[]
}

function plansOf(validation: Validation): readonly TargetPlan[] {
  const { chosen, throughRouter } = validation
  const seen = new Set<string>()
  return chosen.map(({ group, target }) => {
    const key = `${target.url} ${target.pin}`
    const isDirect = !seen.has(key)
    seen.add(key)
    const clients = throughRouter
      ? clientsOf(group, target).filter((name) => validation.clients?.has(name) ?? true)
      : []
    const spoken = isDirect ? [target.dialect, ...clients] : clients
    return { group, target, isDirect, clients, ...planOf({ target, ...optionsOf(validation) }, spoken) }
  })
}

function optionsOf({ only, asksUndeclared, isDeep, imageUrl }: ValidationOrder) {
  const image = imageUrl === null ? null : { url: imageUrl, colours: SHARED_COLOURS }
  return { only, asksUndeclared, options: { image, isDeep } }
}

interface OpenDoor {
  /** Null: no router is asked. */
  readonly door: RouterDoor | null
  readonly trouble: string | null
  close(): Promise<void>
}

async function openDoor({ group, target, clients }: TargetPlan, validation: Validation): Promise<OpenDoor> {
  const { door, path: configPath, env, loaded } = validation
  const nothing = { trouble: null, close: () => Promise.resolve() }
  if (clients.length === 0) return { door: null, ...nothing }
  if (door !== null) return { door: { ...door, group: group.name }, ...nothing }
  const pinning = { configPath, env, loaded: loaded.reading, random: systemRandom(), start: startRouter }
  try {
    const router = await startPinnedRouter({ ...pinning, group: group.name, targetIndex: target.index })
    return { door: router, trouble: null, close: () => router.close() }
  } catch (error) {
    return { door: null, ...nothing, trouble: error instanceof Error ? error.message : String(error) }
  }
}

function resultsOf(
  { target, isDirect, clients }: TargetPlan,
  door: RouterDoor | null,
  validation: Validation,
  purse: Purse,
  upstream: Upstream,
): AsyncGenerator<CheckResult> {
  const means = { upstream, clock: systemClock, words: wordsFrom(systemRandom()) }
  return runTarget({ target, door, clients, isDirect, purse, ...optionsOf(validation) }, means)
}

async function record(records: readonly ActivationRecord[], config: Config): Promise<void> {
  if (records.length === 0) return
  const all = await openActivationRecords(usageAddress(config), { clock: systemClock, log: silentLog })
  try {
    await all.write(records)
  } finally {
    await all.close()
  }
}

function recordsOf(targets: readonly TargetReport[]): readonly ActivationRecord[] {
  const nowMs = systemClock.now()
  return targets.flatMap(({ group, target, results }) =>
    results.flatMap((result) => recordOf(result, { target, group, nowMs }) ?? []),
  )
}

function sayBefore(targets: number, checks: number, most: number | null, bound: number | null): void {
  const cost = most === null ? "of unknown cost, because prices are not configured" : `which cost at most ${usd(most)}`
  const limit = bound === null ? "" : `; nothing beyond ${usd(bound)} is spent where prices are known`
  printError(`${checks} checks of ${targets} target${targets === 1 ? "" : "s"}, ${cost}${limit}.`)
}

export function usd(nanoUsd: number): string {
  return `$${(nanoUsd / NANO_PER_USD).toFixed(nanoUsd > 0 && nanoUsd < NANO_PER_USD / 100 ? 6 : 2)}`
}
