/**
 * A wish to reason in the target's terms: the one table between effort words, token budgets and adaptive thinking.
 * Effort to budget follows the numbers that LiteLLM publishes for its gateways; the way back takes the highest word
 * whose budget is not above the given one.
 */

import { Losses, type Loss } from "./loss.ts"
import type { ReasoningWish } from "./request.ts"
import type { ReasoningFacts } from "./target.ts"

/** `unsaid`: send nothing. `off`: say that there is to be none (Chat and Responses effort `none`, Messages `disabled`). */
export type ReasoningPlan =
  | { readonly kind: "unsaid" }
  | { readonly kind: "off" }
  | { readonly kind: "effort"; readonly effort: string }
  | { readonly kind: "budget"; readonly tokens: number }
  | { readonly kind: "adaptive"; readonly effort: string | null }

export interface PlannedReasoning {
  readonly plan: ReasoningPlan
  readonly losses: readonly Loss[]
}

/** From weak to strong. */
const EFFORT_BUDGETS: readonly (readonly [effort: string, tokens: number])[] = [
  ["minimal", 1024],
  ["low", 1024],
  ["medium", 2048],
  ["high", 4096],
  ["xhigh", 8192],
  ["max", 16_384],
]

const RANKED: readonly string[] = EFFORT_BUDGETS.map(([word]) => word)

/** What is safe to assume of a target whose words are unknown, when a budget must become one. */
const USUAL_EFFORTS: readonly string[] = ["low", "medium", "high"]

/**
 * `capTokens` is the output cap that will be sent, null for none. A wish that the target can express as it was said
 * loses nothing; every translation between kinds is a loss `reasoning-control`.
 */
export function planReasoning(
  wish: ReasoningWish | undefined,
  facts: ReasoningFacts,
  capTokens: number | null,
): PlannedReasoning {
  const said = preferred(wish, facts)
  if (said.kind === "unsaid") return { plan: said, losses: [] }
  const losses = new Losses()
  const plan = planFor(said, facts, capTokens)
  if (!meansTheSame(said, plan, facts)) losses.add("reasoning-control", "reasoning")
  return { plan, losses: losses.list() }
}

/** A client that gives a budget and a word (Messages) is best understood by the one that the target speaks. */
function preferred(wish: ReasoningWish | undefined, facts: ReasoningFacts): ReasoningPlan {
  const said = kindOf(wish)
  const prefersWord = said.kind === "budget" && wish?.effort !== undefined && facts.control !== "token_budget"
  return prefersWord ? { kind: "effort", effort: wish.effort ?? "" } : said
}

function meansTheSame(said: ReasoningPlan, plan: ReasoningPlan, facts: ReasoningFacts): boolean {
  if (said.kind === "off") return plan.kind === "off" || (facts.control === null && !facts.alwaysOn)
  if (said.kind === "budget") return plan.kind === "budget" && plan.tokens === said.tokens
  if (said.kind === "adaptive" && said.effort === null)
    return plan.kind === "adaptive" || facts.control === "effort_enum"
  const word = "effort" in said ? said.effort : null
  return "effort" in plan && plan.effort === word
}

/** The wish in one word. An effort beside adaptive thinking or a budget belongs to it. */
export function kindOf(wish: ReasoningWish | undefined): ReasoningPlan {
  if (wish === undefined) return { kind: "unsaid" }
  if (wish.control === "disabled" || wish.effort === "none") return { kind: "off" }
  if (wish.control === "adaptive") return { kind: "adaptive", effort: wish.effort ?? null }
  if (wish.budgetTokens !== undefined) return { kind: "budget", tokens: wish.budgetTokens }
  if (wish.effort !== undefined) return { kind: "effort", effort: wish.effort }
  return wish.control === "enabled" ? { kind: "adaptive", effort: null } : { kind: "unsaid" }
}

function planFor(said: ReasoningPlan, facts: ReasoningFacts, capTokens: number | null): ReasoningPlan {
  if (facts.control === null) return { kind: "unsaid" }
  if (said.kind === "unsaid") return said
  if (said.kind === "off") return canBeOff(facts) ? said : leastPlan(facts)
  if (facts.control === "effort_enum") return effortPlan(said, facts)
  return facts.control === "adaptive" ? adaptivePlan(said, facts) : budgetPlan(said, facts, capTokens)
}

function canBeOff(facts: ReasoningFacts): boolean {
  return !facts.alwaysOn && (facts.control !== "effort_enum" || knows(facts, "none"))
}

/** Of what cannot be switched off, as little as it can do. Words that are not known are not guessed. */
function leastPlan({ control, efforts }: ReasoningFacts): ReasoningPlan {
  const least = efforts === null ? undefined : RANKED.find((word) => efforts.includes(word))
  if (least === undefined || control === "token_budget" || control === null) return { kind: "unsaid" }
  return { kind: control === "adaptive" ? "adaptive" : "effort", effort: least }
}

type Active = Extract<ReasoningPlan, { kind: "effort" | "budget" | "adaptive" }>

function knows(facts: ReasoningFacts, effort: string): boolean {
  return facts.efforts === null || facts.efforts.includes(effort)
}

function effortPlan(said: Active, facts: ReasoningFacts): ReasoningPlan {
  const known = facts.efforts ?? USUAL_EFFORTS
  if (said.kind !== "budget" && said.effort === null) return { kind: "unsaid" }
  const effort = said.kind === "budget" ? effortOf(said.tokens, known) : nearestEffort(said.effort ?? "", facts)
  return effort === null ? { kind: "unsaid" } : { kind: "effort", effort }
}

function adaptivePlan(said: Active, facts: ReasoningFacts): ReasoningPlan {
  if (said.kind === "budget") return { kind: "adaptive", effort: effortOf(said.tokens, facts.efforts ?? USUAL_EFFORTS) }
  if (said.effort === null) return { kind: "adaptive", effort: null }
  return { kind: "adaptive", effort: nearestEffort(said.effort === "minimal" ? "low" : said.effort, facts) }
}

function budgetPlan(said: Active, facts: ReasoningFacts, capTokens: number | null): ReasoningPlan {
  const wished = said.kind === "budget" ? said.tokens : (budgetOf(said.effort ?? "high") ?? budgetOf("medium") ?? 0)
  const ceiling = facts.budgetMustBeLessThanMaxTokens && capTokens !== null ? capTokens - 1 : Number.MAX_SAFE_INTEGER
  const tokens = Math.min(
    Math.max(wished, facts.minBudgetTokens),
    facts.maxBudgetTokens ?? Number.MAX_SAFE_INTEGER,
    ceiling,
  )
  return tokens < facts.minBudgetTokens ? { kind: "unsaid" } : { kind: "budget", tokens }
}

function budgetOf(effort: string): number | undefined {
  return EFFORT_BUDGETS.find(([word]) => word === effort)?.[1]
}

function effortOf(tokens: number, known: readonly string[]): string | null {
  const ranked = EFFORT_BUDGETS.filter(([word]) => known.includes(word))
  return (ranked.findLast(([, budget]) => budget <= tokens) ?? ranked[0])?.[0] ?? unrankedOf(known)
}

/** The word itself where it is known, else the next weaker known one, else the weakest. Null: no known word asks for reasoning. */
function nearestEffort(effort: string, facts: ReasoningFacts): string | null {
  if (facts.efforts === null || facts.efforts.includes(effort)) return effort
  const rank = RANKED.indexOf(effort)
  const known = RANKED.filter((word) => knows(facts, word))
  const weaker = known.filter((word) => RANKED.indexOf(word) <= rank)
  return weaker.at(-1) ?? known[0] ?? unrankedOf(facts.efforts)
}

/** Some models are only switched on or off by words of their own (`none`, `default`). */
function unrankedOf(known: readonly string[]): string | null {
  return known.find((word) => word !== "none") ?? null
}
