/** The part of eligibility that records of activation tell: a target serves a call only with what is proven of it. */
import { ALWAYS_NEEDED, type ActivationReason, type Capability } from "../../activation/capabilities.ts"
import type { Group, Target } from "../../config/snapshot.ts"
import type { DialectName } from "../../dialects/name.ts"
import type { Eligibility, Refused } from "./eligible.ts"
import type { Asked } from "./filter.ts"
import { NEEDS, usesTools } from "./needs.ts"
import type { RejectionReason } from "./reasons.ts"

/** What is proven of targets. Answers from memory. */
export interface Proofs {
  /** What keeps the target from a call that needs these; null: nothing. `nowMs`: Unix milliseconds. */
  against(
    group: Group,
    target: Target,
    dialect: DialectName,
    needed: readonly Capability[],
    nowMs: number,
  ): ActivationReason | null
}

/** Types of parts that hold documents, in the three dialects. */
const DOCUMENTS = ["file", "input_file", "document"]

/**
 * What a call needs, by its shape. Marks of the prompt cache are a wish, `errors` and `context` are checked for the operator:
 * no call needs them.
 */
export function capabilitiesNeeded({ facts, shape }: Pick<Asked, "facts" | "shape">): readonly Capability[] {
  const needed = [...ALWAYS_NEEDED]
  const add = (capability: Capability, isNeeded: boolean): void => {
    if (isNeeded) needed.push(capability)
  }
  add("caps", (facts.outputCap?.tokens ?? 0) > 0)
  add("streaming", facts.stream)
  add("tools", usesTools(shape))
  add("forced-tools", NEEDS.toolChoice.isAsked(shape))
  add("parallel-tools", shape.toolCount > 0 && shape.sets("parallel_tool_calls"))
  add("structured-output", shape.structuredOutput)
  add("image", shape.imageCount > 0)
  add("document", shape.encodedBytes > shape.encodedImageBytes || DOCUMENTS.some((type) => shape.uses(type)))
  add("reasoning", shape.reasoning.requested || shape.hasSeals)
  add("stop-sequences", shape.sets("stop") || shape.sets("stop_sequences"))
  return needed
}

/** @param nowMs Unix milliseconds */
export function provenTargets(
  found: Eligibility,
  group: Group,
  asked: Asked,
  proofs: Proofs,
  nowMs: number,
): Eligibility {
  const needed = capabilitiesNeeded(asked)
  const unproven: Refused[] = []
  const eligible = found.eligible.filter((target) => {
    const reason = proofs.against(group, target, asked.dialect.name, needed, nowMs)
    if (reason !== null) unproven.push({ target, reason })
    return reason === null
  })
  return unproven.length === 0 ? found : { eligible, refused: [...found.refused, ...unproven] }
}

export function isActivation<R extends { readonly reason: RejectionReason }>(
  rejection: R,
): rejection is R & { readonly reason: ActivationReason } {
  return rejection.reason.startsWith("activation-")
}
