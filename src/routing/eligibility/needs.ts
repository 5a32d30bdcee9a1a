/** What a call can need, by the capability that must be there for it. */
import type { Capabilities } from "../../config/snapshot.ts"
import { WIRES } from "../../dialects/wires.ts"
import type { RequestShape } from "../../dialects/shape-reader.ts"
import type { Asked } from "./filter.ts"
import type { FilterReason } from "./reasons.ts"

export interface Need {
  /** As callers see it in `details.requirements`. */
  readonly label: string
  readonly reason: FilterReason
  readonly isAsked: (shape: RequestShape) => boolean
}

/** Tools that the client executes, declared or in the history; those of the provider fall under `hosted_tools`. */
export function usesTools(shape: RequestShape): boolean {
  return shape.hasToolHistory || shape.toolCount > 0
}

export const NEEDS: Readonly<Record<keyof Capabilities, Need>> = {
  tools: { label: "tools", reason: "tool-support", isAsked: usesTools },
  toolChoice: {
    label: "tool_choice",
    reason: "tool-choice-support",
    // `auto` is what happens without a choice too
    isAsked: ({ toolChoice, toolCount }) => toolChoice !== "unset" && toolChoice !== "auto" && toolCount > 0,
  },
  structuredOutput: {
    label: "structured_outputs",
    reason: "structured-output-support",
    isAsked: (shape) => shape.structuredOutput,
  },
  images: { label: "image", reason: "input-modality-image", isAsked: (shape) => shape.imageCount > 0 },
  reasoning: { label: "reasoning", reason: "reasoning", isAsked: (shape) => shape.reasoning.requested },
}

export const CAPABILITIES: readonly (keyof Capabilities)[] = [
  "tools",
  "toolChoice",
  "structuredOutput",
  "images",
  "reasoning",
]

/** What the call needs, for the caller who is told that nobody has it. */
export function requirementsOf({ dialect, facts, shape }: Asked): readonly string[] {
  const labels = [dialect.name as string, "text"]
  for (const capability of CAPABILITIES) if (NEEDS[capability].isAsked(shape)) labels.push(NEEDS[capability].label)
  if (shape.toolCount > 0) labels.push(WIRES[dialect.name].toolSupport.requirement)
  if ((facts.outputCap?.tokens ?? 0) > 0) labels.push("max_tokens")
  return labels
}
