/** `scripts/run bench/micro/routing.ts`: what ranking six targets costs, and what an observation does. */
import { scoreSettings } from "../../src/config/compile/score-settings.ts"
import type { GroupConfig } from "../../src/config/config.ts"
import type { Group, Target } from "../../src/config/snapshot.ts"
import { DIALECTS } from "../../src/dialects/registry.ts"
import { scanObject } from "../../src/json/scan.ts"
import { modelPricesOf } from "../../src/ledger/model-prices.ts"
import { Observations } from "../../src/routing/observations.ts"
import { STRATEGIES } from "../../src/routing/strategies.ts"
import type { CallFacts, RankContext } from "../../src/routing/strategy.ts"
import { agentBody, smallBody } from "../bodies.ts"
import { compare } from "./timing.ts"

const TARGETS = Array.from({ length: 6 }, (_, index) => {
  const target: Partial<Target> = {
    index,
    weight: 1,
    dialect: "openai-chat",
    prices: modelPricesOf({
      input_price_per_million_usd: 1 + index,
      cached_input_price_per_million_usd: 1,
      output_price_per_million_usd: 5 + index,
    }),
    tags: [],
    evaluatedQuality: null,
    provider: { name: `p${index}`, engineMetrics: null } as Target["provider"],
    observed: { key: `t${index}`, windowMs: 600_000, enough: 40 },
  }
  return target as Target
})
const live = new Observations()
const usage = {
  freshInputTokens: 500,
  cachedInputTokens: 500,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 200,
  reasoningTokens: null,
  unreported: null,
  reportedCostUsd: null,
  mixedModels: false,
  parts: null,
}
let now = 1000
function serve(target: Target): void {
  live.begin(target)
  live.answered(target, now, 1500 + target.index * 20, 300, usage)
  now += 5
}
for (let count = 0; count < 600; count++) for (const target of TARGETS) serve(target)

const BY_COMPLEXITY = [
  {
    name: "easy",
    when: { complexity_lte: "standard" },
    require_tags: [],
    expression: "0.7*cost_score + 0.3*latency_score",
  },
  {
    name: "hard",
    when: { complexity_gte: "complex" },
    require_tags: [],
    expression: "0.8*eval_quality_score + 0.2*reliability_score",
  },
] as const

function contextOf(policy: unknown): RankContext {
  const entry = { strategy: "dynamic_score", routing_policy: policy } as Partial<GroupConfig>
  const score = scoreSettings(entry as GroupConfig)
  return {
    settings: { strategy: "dynamic_score", score, script: null, external: null },
    live,
    random: () => 0.5,
    now,
    explain: false,
  }
}

function factsOf(text: string): () => CallFacts {
  const body = scanObject(new TextEncoder().encode(text), 512)
  const request = DIALECTS["openai-chat"].peek(body)
  const group = { name: "g", targets: TARGETS } as Partial<Group> as Group
  // the shape is read anew for every call
  return () => ({
    id: "call",
    dialect: "openai-chat",
    group,
    caller: null,
    tokenId: null,
    request,
    estimatedInputTokens: body.bytes.length / 4,
    body,
    shape: DIALECTS["openai-chat"].shapeOf(body),
  })
}

const own = contextOf(undefined)
const byComplexity = contextOf({
  dynamic_score: {
    min_observations: 20,
    max_score_adjustment_percent: 70,
    exploration_percent: 2,
    score_terms: BY_COMPLEXITY,
  },
})
const small = factsOf(smallBody("bench"))
const agent = factsOf(agentBody("bench"))
compare("six targets", 2000, {
  "own formula": () => STRATEGIES.dynamic_score(TARGETS, small(), own),
  "own formula, figures moving": () => {
    const ranking = STRATEGIES.dynamic_score(TARGETS, small(), { ...own, now })
    serve(TARGETS[0] as Target)
    return ranking
  },
  "by complexity, small body": () => STRATEGIES.dynamic_score(TARGETS, small(), byComplexity),
  "by complexity, agent body": () => STRATEGIES.dynamic_score(TARGETS, agent(), byComplexity),
  weighted: () => STRATEGIES.weighted(TARGETS, small(), own),
  "one observation": () => serve(TARGETS[1] as Target),
})
