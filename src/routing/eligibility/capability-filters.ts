/** Filters on what a target is able to do. */
import type { Capabilities, Target } from "../../config/snapshot.ts"
import type { ReasoningShape } from "../../dialects/shape.ts"
import type { BridgeFeature } from "../../config/compile/target-limits.ts"
import { mayLack, type Asked, type Filter } from "./filter.ts"
import { CAPABILITIES, NEEDS, usesTools } from "./needs.ts"

function requires(capability: keyof Capabilities): Filter {
  const { reason, isAsked } = NEEDS[capability]
  return {
    applies: (target, dialect, group) => mayLack(target, capability, dialect, group),
    refuses: (_, { shape }) => (isAsked(shape) ? reason : null),
  }
}

const toolOnly: Filter = {
  applies: ({ limits }) => limits.toolOnly,
  refuses: (_, { shape }) => (usesTools(shape) || shape.hostedToolCount > 0 ? null : "tool-only-target"),
}

/** Within a dialect a wish goes up as it was said, so it must be said in the words that the target knows. */
const reasoningControl: Filter = {
  applies: (target, dialect) => target.dialect === dialect && limitsReasoning(target),
  refuses: (target, { shape }) => (understands(target, shape.reasoning) ? null : "reasoning"),
}

function limitsReasoning({ limits, capabilities }: Target): boolean {
  if (capabilities.reasoning === false) return false
  return (
    limits.reasoningControl !== null ||
    limits.alwaysReasons ||
    limits.minBudgetTokens > 0 ||
    limits.maxBudgetTokens < Infinity
  )
}

function understands({ limits }: Target, { kind, budgetTokens }: ReasoningShape): boolean {
  if (kind === "off") return !limits.alwaysReasons
  if (kind === "effort") return limits.reasoningControl !== "token_budget"
  if (kind !== "budget" || budgetTokens === null) return true
  if (limits.reasoningControl === "effort_enum") return false
  return budgetTokens >= limits.minBudgetTokens && budgetTokens <= limits.maxBudgetTokens
}

const honorsCaps: Filter = {
  applies: ({ limits }) => !limits.honorsMaxTokens,
  refuses: (_, { facts }) => ((facts.outputCap?.tokens ?? 0) > 0 ? "max-tokens-honored" : null),
}

const oneChoice: Filter = {
  applies: (target, dialect) => target.dialect !== dialect && dialect === "openai-chat",
  refuses: (_, { facts }) => (facts.choices > 1 ? "choices" : null),
}

const noNullChoice: Filter = {
  applies: (target, dialect) => target.dialect !== dialect,
  refuses: (_, { shape }) => (shape.toolChoice === "null" && shape.toolCount > 0 ? "tool-choice-null" : null),
}

const CROSSES: Readonly<Record<BridgeFeature, (asked: Asked) => boolean>> = {
  text: () => true,
  tools: ({ shape }) => usesTools(shape),
  function_tools: ({ shape }) => usesTools(shape),
  tool_choice: ({ shape }) => NEEDS.toolChoice.isAsked(shape),
  parallel_tool_calls: ({ shape }) => shape.uses("parallel_tool_calls"),
  structured_outputs: ({ shape }) => shape.structuredOutput,
  images: ({ shape }) => shape.imageCount > 0,
  reasoning: ({ shape }) => shape.reasoning.requested,
  streaming: ({ facts }) => facts.stream,
}

const bridge: Filter = {
  applies: ({ dialect: own, limits }, dialect) =>
    limits.bridgeWithout.length > 0 && own !== dialect && dialect !== "anthropic" && own !== "anthropic",
  refuses: ({ limits }, asked) =>
    limits.bridgeWithout.some((feature) => CROSSES[feature](asked)) ? "bridge-feature" : null,
}

export const CAPABILITY_FILTERS: readonly Filter[] = [
  bridge,
  toolOnly,
  ...CAPABILITIES.map(requires),
  reasoningControl,
  honorsCaps,
  oneChoice,
  noNullChoice,
]
