/** One policy on one scenario: the router's own strategies and live figures, under a clock that only events move. */
import { compile } from "../../src/config/compile/compile.ts"
import { loadConfig } from "../../src/config/load.ts"
import type { Group } from "../../src/config/snapshot.ts"
import { priceCall } from "../../src/ledger/price.ts"
import { Observations } from "../../src/routing/observations.ts"
import { STRATEGIES } from "../../src/routing/strategies.ts"
import type { CallFacts, Ranking } from "../../src/routing/strategy.ts"
import { attemptAt, callsOf, type SimulatedCall } from "./far-end.ts"
import type { Policy, Scenario } from "./scenarios.ts"
import { seeded } from "./seeded.ts"

/** How a call ended. */
export interface Outcome {
  readonly atMs: number
  /** Place of the target that was tried first. */
  readonly first: number
  readonly latencyMs: number
  /** From the call's arrival, failed attempts included. */
  readonly firstTokenMs: number
  readonly costNanoUsd: number
  readonly served: boolean
  /** The call was to begin with this target to learn about it. */
  readonly explored: boolean
}

interface Pending {
  readonly atMs: number
  readonly run: () => void
}

export function simulate(scenario: Scenario, policy: Policy, seed: number): readonly Outcome[] {
  return new Simulation(scenario, policy, seed).run()
}

class Simulation {
  private readonly scenario: Scenario
  private readonly policy: Policy
  private readonly seed: number
  private readonly group: Group
  private readonly random: () => number
  private readonly live = new Observations()
  private readonly outcomes: Outcome[] = []
  /** What happens next, by time. */
  private readonly pending: Pending[] = []

  constructor(scenario: Scenario, policy: Policy, seed: number) {
    this.scenario = scenario
    this.policy = policy
    this.seed = seed
    this.group = groupOf(scenario, policy)
    this.random = seeded(seed + 1)
  }

  run(): readonly Outcome[] {
    const { pending, scenario } = this
    for (const call of callsOf(this.seed, scenario.minutes, scenario.callsPerSecond)) {
      while (pending[0] !== undefined && pending[0].atMs <= call.atMs) pending.shift()?.run()
      this.arrive(call)
    }
    while (pending.length > 0) pending.shift()?.run()
    return this.outcomes.toSorted((a, b) => a.atMs - b.atMs)
  }

  private arrive(call: SimulatedCall): void {
    const { group, live, random } = this
    const context = { settings: group, live, random, now: call.atMs, explain: false }
    const ranking = STRATEGIES[this.policy](group.targets, factsOf(call, group), context)
    if (ranking instanceof Promise) throw new Error("a simulated policy answers at once")
    const [first] = ranking.order
    if (ranking.lane !== null && ranking.mode === "scored" && first !== undefined)
      live.follow(group, ranking.lane, first)
    this.attempt(call, ranking, 0, call.atMs)
  }

  private attempt(call: SimulatedCall, ranking: Ranking, place: number, nowMs: number): void {
    const { live, scenario } = this
    const target = ranking.order[place]
    const farEnd = target === undefined ? undefined : scenario.farEnds[target.index]
    const ended = { atMs: call.atMs, first: ranking.order[0]?.index ?? -1, explored: ranking.mode === "explored" }
    if (target === undefined || farEnd === undefined) {
      const spentMs = nowMs - call.atMs
      this.outcomes.push({ ...ended, latencyMs: spentMs, firstTokenMs: spentMs, costNanoUsd: 0, served: false })
      return
    }
    live.begin(target)
    const tried = attemptAt(farEnd, target.index, call, nowMs)
    const endMs = nowMs + tried.durationMs
    this.later(endMs, () => {
      if (tried.failed) {
        live.failed(target, endMs, tried.durationMs, false, true)
        this.attempt(call, ranking, place + 1, endMs)
        return
      }
      live.answered(target, endMs, tried.durationMs, tried.firstTokenMs, tried.usage)
      this.outcomes.push({
        ...ended,
        latencyMs: endMs - call.atMs,
        firstTokenMs: nowMs + tried.firstTokenMs - call.atMs,
        costNanoUsd: priceCall(target.prices, tried.usage).total_cost_nano_usd ?? 0,
        served: true,
      })
    })
  }

  private later(atMs: number, run: () => void): void {
    const behind = this.pending.findLastIndex((entry) => entry.atMs <= atMs)
    this.pending.splice(behind + 1, 0, { atMs, run })
  }
}

function factsOf(call: SimulatedCall, group: Group): CallFacts {
  return {
    id: `call-${call.index}`,
    dialect: "openai-chat",
    group,
    caller: null,
    tokenId: null,
    request: { model: group.name, stream: true, includeUsage: true, outputCap: null, choices: 1, drafts: 1 },
    estimatedInputTokens: call.inputTokens,
    body: null,
    shape: null,
  }
}

/** As the router would read it from a file. */
function groupOf({ farEnds }: Scenario, policy: Policy): Group {
  const models = Object.fromEntries(
    farEnds.map(({ name, prices: [input, cached, output] }) => [
      name,
      {
        model: name,
        input_price_per_million_usd: input,
        cached_input_price_per_million_usd: cached,
        output_price_per_million_usd: output,
      },
    ]),
  )
  const config = {
    providers: { far: { base_url: "http://127.0.0.1:9/v1", dialect: "openai-chat", auth_scheme: "none", models } },
    models: {
      default: {
        strategy: policy,
        targets: farEnds.map(({ name, weight }) => ({ provider: "far", model_ref: name, weight })),
      },
    },
  }
  const loaded = loadConfig({
    path: "simulation.yaml",
    env: {},
    readFile: (path) => (path.endsWith("simulation.yaml") ? JSON.stringify(config) : "{}"),
  })
  if (loaded.config === null) throw new Error(loaded.findings.map(({ message }) => message).join("\n"))
  const group = compile(loaded.config, { userAgent: "simulation" }).groups.get("default")
  if (group === undefined) throw new Error("no group")
  return group
}
