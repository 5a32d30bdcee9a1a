/**
 * How hard a call looks, from its size and shape, in three buckets. Points are added:
 *
 * | what | points |
 * |---|---|
 * | estimated input of 2,000 tokens or more; of 16,000 or more | 1; 2 |
 * | output cap (times choices) of 4,096 tokens or more; of 16,384 or more | 1; 2 |
 * | tools that the client executes; 16 or more of them | 1; 2 |
 * | tool calls or tool results in the history | 1 |
 * | images | 1 |
 * | reasoning asked for | 1 |
 * | each of the features `code`, `diff`, `stack_trace` in the prompt | 1 |
 * | the features `security_review`, `tool_agent` | 2 |
 * | the features `summarize`, `extract` | -1 |
 *
 * Up to 1 point is `simple`, up to 4 is `standard`, more is `complex`. A switched-off signal gives no points.
 */
import type { ScoreSettings } from "../config/compile/score-settings.ts"
import type { Complexity, PromptFeature } from "../config/schema/word-lists.ts"
import type { CallShape } from "../dialects/shape.ts"
import { promptFeaturesOf } from "./prompt-features.ts"
import type { CallFacts } from "./strategy.ts"

export const COMPLEXITY_NAMES: readonly Complexity[] = ["simple", "standard", "complex"]
/** Places in `COMPLEXITY_NAMES`. */
const SIMPLE = 0
export const STANDARD = 1
const COMPLEX = 2

const MOST_POINTS_OF_SIMPLE = 1
const MOST_POINTS_OF_STANDARD = 4

const FEATURE_POINTS: Readonly<Record<PromptFeature, number>> = {
  code: 1,
  diff: 1,
  stack_trace: 1,
  security_review: 2,
  tool_agent: 2,
  summarize: -1,
  extract: -1,
}

/** `STANDARD` for every call where complexity does not count. */
export function complexityOf(call: CallFacts, settings: ScoreSettings): number {
  if (!settings.signals.complexity) return STANDARD
  const { outputCap, choices } = call.request
  let points = steps(call.estimatedInputTokens, 2000, 16_000)
  if (outputCap !== null) points += steps(outputCap.tokens * choices, 4096, 16_384)
  const { shape } = call
  if (settings.signals.request_shape && shape !== null) points += shapePoints(shape)
  if (settings.promptFeatures !== null)
    for (const feature of promptFeaturesOf(call, settings.promptFeatures)) points += FEATURE_POINTS[feature]
  if (points <= MOST_POINTS_OF_SIMPLE) return SIMPLE
  return points <= MOST_POINTS_OF_STANDARD ? STANDARD : COMPLEX
}

function shapePoints(shape: CallShape): number {
  return (
    steps(shape.toolCount, 1, 16) +
    (shape.hasToolHistory ? 1 : 0) +
    (shape.imageCount > 0 ? 1 : 0) +
    (shape.reasoning.requested ? 1 : 0)
  )
}

function steps(value: number, first: number, second: number): number {
  return value >= second ? 2 : value >= first ? 1 : 0
}
