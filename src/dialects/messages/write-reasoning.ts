/** Reasoning as a Messages client is shown it, and gets it back to us. */

import type { ReasoningBlock } from "../../canonical/block.ts"
import type { Losses } from "../../canonical/loss.ts"
import { wrapReasoning } from "../../canonical/seal.ts"
import { DIALECT } from "./wire.ts"

/**
 * The text for `thinking.signature`, or for `redacted_thinking.data`: the payload itself where Anthropic made it, an
 * envelope otherwise. "" where there is neither.
 */
export function sealText(block: Pick<ReasoningBlock, "parts" | "seal">, losses: Losses, path: string): string {
  const { seal } = block
  if (seal === null) return ""
  if (seal.issuer.dialect === DIALECT && isNative(block)) return seal.payload
  const envelope = wrapReasoning(block)
  if (envelope === null) losses.add("reply-reasoning-seal", path)
  return envelope ?? ""
}

/** Thinking without a text is native too: its display was omitted. Only a redacted block is of the other kind. */
export function isThinking(block: Pick<ReasoningBlock, "parts" | "seal">): boolean {
  const isOmitted = block.seal?.issuer.dialect === DIALECT && block.seal.form === "signature"
  return block.parts.length > 0 || isOmitted
}

/** One visible part at most, as Anthropic makes it: several would not be told apart when they come back. */
function isNative({ parts, seal }: Pick<ReasoningBlock, "parts" | "seal">): boolean {
  const isPlain = parts.length === 0 || (parts.length === 1 && parts[0]?.kind === "raw")
  return (seal?.form === "signature" && isPlain) || (seal?.form === "redacted" && parts.length === 0)
}
