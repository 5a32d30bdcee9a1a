/** What a call needs of a target that speaks another dialect than its client, and whether the target says that it has it. */
import type { Block } from "../canonical/block.ts"
import { kindOf } from "../canonical/reasoning-plan.ts"
import type { Request } from "../canonical/request.ts"
import type { Capabilities } from "../config/snapshot.ts"

export const NEEDS = ["tools", "tool-choice", "structured-output", "image", "reasoning"] as const
export type Need = (typeof NEEDS)[number]

/** Plain text needs nothing. */
export function needsOf(request: Request): readonly Need[] {
  const needed: Readonly<Record<Need, boolean>> = {
    tools: declaresTools(request) || hasBlock(request, ({ type }) => type === "tool-call" || type === "tool-result"),
    "tool-choice": forcesTool(request),
    "structured-output": request.output !== undefined && request.output.kind !== "text",
    image: hasBlock(request, ({ type }) => type === "image"),
    reasoning: !["unsaid", "off"].includes(kindOf(request.reasoning).kind),
  }
  return NEEDS.filter((need) => needed[need])
}

/** The first need that the target does not declare; null where it can serve. */
export function missing(needs: readonly Need[], has: Capabilities): Need | null {
  const met: Readonly<Record<Need, boolean>> = {
    tools: has.tools,
    "tool-choice": has.toolChoice,
    "structured-output": has.structuredOutput,
    image: has.images,
    reasoning: has.reasoning,
  }
  return needs.find((need) => !met[need]) ?? null
}

/** Tools that the client executes; those of the provider never cross dialects. */
function declaresTools({ tools }: Request): boolean {
  return tools.some((tool) => tool.type !== "raw" || tool.runs === "client")
}

function forcesTool(request: Request): boolean {
  const mode = request.toolChoice?.mode
  return declaresTools(request) && (mode === "required" || mode === "tool" || mode === "allowed")
}

function hasBlock(request: Request, fits: (block: Block) => boolean): boolean {
  const holds = (block: Block): boolean =>
    fits(block) ||
    (block.type === "tool-result" && block.content.some(holds)) ||
    (block.type === "document" && block.source.kind === "blocks" && block.source.blocks.some(holds))
  return request.instructions.some(holds) || request.messages.some(({ blocks }) => blocks.some(holds))
}
