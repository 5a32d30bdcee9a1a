/** Filters on the size and the form of a request: the context window and `request_shape_support`. */
import type { RequestLimits } from "../../config/compile/target-limits.ts"
import { estimatedInputTokens } from "./estimate.ts"
import type { Asked, Filter } from "./filter.ts"
import { usesTools } from "./needs.ts"
import type { FilterReason } from "./reasons.ts"

/** From here on a call with tools counts as one of a coding agent. */
const LARGE_AGENT_BYTES = 65_536

const contextFits: Filter = {
  applies: ({ limits }) => limits.contextTokens !== null,
  refuses: ({ limits }, asked) => {
    const room = (limits.contextTokens ?? Infinity) - (asked.facts.outputCap?.tokens ?? 0)
    return room < 0 || estimatedInputTokens(asked, room) > room ? "request-shape-context-exceeded" : null
  },
}

function limited(
  reason: FilterReason,
  applies: (limits: RequestLimits) => boolean,
  exceeds: (limits: RequestLimits, asked: Asked) => boolean,
): Filter {
  return {
    applies: ({ limits }) => limits.request !== null && applies(limits.request),
    refuses: ({ limits }, asked) => (limits.request !== null && exceeds(limits.request, asked) ? reason : null),
  }
}

const cap = ({ facts }: Asked): number => facts.outputCap?.tokens ?? 0

export const SHAPE_FILTERS: readonly Filter[] = [
  limited(
    "request-shape-inbound-dialect",
    ({ inboundDialects }) => inboundDialects !== null,
    ({ inboundDialects }, { dialect }) => inboundDialects?.has(dialect.name) === false,
  ),
  limited(
    "request-shape-max-request-bytes",
    ({ maxBytes }) => maxBytes < Infinity,
    ({ maxBytes }, { bodyBytes }) => bodyBytes > maxBytes,
  ),
  contextFits,
  limited(
    "request-shape-context-exceeded",
    ({ maxInputTokens }) => maxInputTokens < Infinity,
    ({ maxInputTokens }, asked) => estimatedInputTokens(asked, maxInputTokens) > maxInputTokens,
  ),
  limited(
    "request-shape-min-output-tokens",
    ({ minOutputTokens }) => minOutputTokens > 0,
    ({ minOutputTokens }, asked) => cap(asked) > 0 && cap(asked) < minOutputTokens,
  ),
  limited(
    "request-shape-max-output-tokens",
    ({ maxOutputTokens }) => maxOutputTokens < Infinity,
    ({ maxOutputTokens }, asked) => cap(asked) > maxOutputTokens,
  ),
  limited(
    "request-shape-tool-schema-bytes",
    ({ maxToolSchemaBytes }) => maxToolSchemaBytes < Infinity,
    ({ maxToolSchemaBytes }, { shape }) => shape.toolSchemaBytes > maxToolSchemaBytes,
  ),
  limited(
    "request-shape-large-agent-payload",
    ({ largeAgentPayloads }) => !largeAgentPayloads,
    (_, { bodyBytes, shape }) => bodyBytes > LARGE_AGENT_BYTES && usesTools(shape),
  ),
  limited(
    "request-shape-required-input-modality",
    ({ requiredModalities }) => requiredModalities.some((modality) => modality !== "text"),
    ({ requiredModalities }, asked) => !requiredModalities.every((modality) => holds(asked, modality)),
  ),
  limited(
    "request-shape-unsupported-feature",
    ({ unsupportedFeatures }) => unsupportedFeatures.length > 0,
    ({ unsupportedFeatures }, { shape }) => unsupportedFeatures.some((feature) => shape.uses(feature)),
  ),
]

/** No dialect has one word for video: the parts of servers that take it are known. */
const VIDEO_PARTS = ["video_url", "input_video", "video"]

function holds({ shape }: Asked, modality: string): boolean {
  if (modality === "image") return shape.imageCount > 0
  return modality === "text" || VIDEO_PARTS.some((part) => shape.uses(part))
}
