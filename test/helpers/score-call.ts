/** Targets, calls and a live view for tests of `dynamic_score`, without a configuration around them. */
import type { ScoreSettings } from "../../src/config/compile/score-settings.ts"
import { scoreSettings } from "../../src/config/compile/score-settings.ts"
import type { GroupConfig } from "../../src/config/config.ts"
import type { Group, Target } from "../../src/config/snapshot.ts"
import { modelPricesOf } from "../../src/ledger/model-prices.ts"
import { NO_FIGURES, type EngineLoad, type Figures, type LiveView } from "../../src/routing/live-view.ts"
import { dynamicScore } from "../../src/routing/dynamic-score.ts"
import type { CallFacts, Ranking } from "../../src/routing/strategy.ts"

export interface TargetSpec {
  readonly weight?: number
  readonly dialect?: Target["dialect"]
  /** USD per million input tokens; output costs five times as much. Null: unknown. */
  readonly price?: number | null
  readonly cachedPrice?: number
  readonly tags?: readonly string[]
  readonly quality?: number | null
  readonly figures?: Partial<Figures>
  /** Attempts that have ended. */
  readonly lifetime?: number
  readonly inFlight?: number
  readonly load?: EngineLoad
}

export interface Surroundings {
  readonly settings?: Partial<ScoreSettings>
  readonly policy?: NonNullable<GroupConfig["routing_policy"]>["dynamic_score"]
  readonly leader?: number
  readonly random?: () => number
  readonly call?: Partial<CallFacts>
  readonly explain?: boolean
}

export function settingsOf(policy?: Surroundings["policy"], more: Partial<ScoreSettings> = {}): ScoreSettings {
  const entry = { strategy: "dynamic_score", routing_policy: { dynamic_score: policy } } as Partial<GroupConfig>
  const settings = scoreSettings(entry as GroupConfig)
  if (settings === null) throw new Error("no settings")
  return { ...settings, ...more }
}

function targetOf(spec: TargetSpec, index: number): Target {
  const price = spec.price === undefined ? 1 : spec.price
  const target: Partial<Target> = {
    index,
    weight: spec.weight ?? 1,
    dialect: spec.dialect ?? "openai-chat",
    prices: modelPricesOf({
      input_price_per_million_usd: price,
      cached_input_price_per_million_usd: spec.cachedPrice,
      output_price_per_million_usd: price === null ? null : Math.round(price * 500) / 100,
    }),
    tags: spec.tags ?? [],
    evaluatedQuality: spec.quality ?? null,
    observed: { key: `t${index}`, windowMs: 600_000, enough: 40 },
    provider: {
      name: `p${index}`,
      engineMetrics: spec.load === undefined ? null : {},
    } as Target["provider"],
  }
  return target as Target
}

export function ranked(specs: readonly TargetSpec[], surroundings: Surroundings = {}): Ranking {
  const targets = specs.map(targetOf)
  const known = new Map(targets.map((target, index) => [target, specs[index] ?? {}]))
  const figures = new Map(
    [...known].map(([target, spec]) => [target, { ...NO_FIGURES, observations: 100, ...spec.figures }]),
  )
  const live: LiveView = {
    figures: (target) => figures.get(target) ?? NO_FIGURES,
    attemptsBegun: (target) => (known.get(target)?.lifetime ?? 1000) + (known.get(target)?.inFlight ?? 0),
    inFlight: (target) => known.get(target)?.inFlight ?? 0,
    engineLoad: (target) => known.get(target)?.load ?? null,
    leader: () => (surroundings.leader === undefined ? null : `t${surroundings.leader}`),
  }
  const call: Partial<CallFacts> = {
    dialect: "openai-chat",
    group: { name: "g" } as Group,
    request: { model: "g", stream: false, includeUsage: true, outputCap: null, choices: 1, drafts: 1 },
    estimatedInputTokens: 1000,
    body: null,
    shape: null,
    ...surroundings.call,
  }
  const ranking = dynamicScore(targets, call as CallFacts, {
    settings: {
      strategy: "dynamic_score",
      score: settingsOf(surroundings.policy, surroundings.settings),
      script: null,
      external: null,
    },
    live,
    random: surroundings.random ?? (() => 0.999),
    now: 0,
    explain: surroundings.explain ?? false,
  })
  if (ranking instanceof Promise) throw new Error("dynamic_score answers at once")
  return ranking
}

export function places(ranking: Ranking): readonly number[] {
  return ranking.order.map(({ index }) => index)
}
