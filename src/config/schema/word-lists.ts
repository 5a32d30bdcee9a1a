/** Closed lists of words that the configuration and the code behind it share. */

/** The tiers that have an order, the cheapest first; all others are labels. */
export const TIER_ORDER = ["small", "cheap", "balanced", "heavy", "frontier"] as const

/** In rising order. */
export const COMPLEXITIES = ["simple", "standard", "complex"] as const
export type Complexity = (typeof COMPLEXITIES)[number]

/** What a prompt may show of itself. */
export const PROMPT_FEATURES = [
  "code",
  "diff",
  "stack_trace",
  "summarize",
  "extract",
  "security_review",
  "tool_agent",
] as const
export type PromptFeature = (typeof PROMPT_FEATURES)[number]
