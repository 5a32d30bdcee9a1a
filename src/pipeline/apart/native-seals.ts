/** Sealed reasoning that stands in no envelope of the router: only its issuer can read it, and does not say who that is. */
import type { Block, ReasoningBlock, Seal } from "../../canonical/block.ts"
import type { Request } from "../../canonical/request.ts"
import { holdsPayload } from "../../canonical/seal.ts"

/** The same request with its first seals under a name that no target has: writers leave them out, and say so. */
export function withForeignSeals(request: Request, count: number): Request {
  let left = count
  const marked = (block: Block): Block => {
    if (!isNativeSeal(block) || left === 0) return block
    left--
    return { ...block, seal: { ...block.seal, issuer: { dialect: block.seal.issuer.dialect, label: FOREIGN } } }
  }
  const messages = request.messages.map((message) => ({ ...message, blocks: message.blocks.map(marked) }))
  return { ...request, messages }
}

const FOREIGN = "another"

type Sealed = ReasoningBlock & { readonly seal: Seal }

function isNativeSeal(block: Block): block is Sealed {
  if (block.type !== "reasoning" || block.seal === null) return false
  return block.seal.issuer.label === null && holdsPayload(block.seal)
}

/** How many blocks of such reasoning the request has. */
export function nativeSeals(request: Request): number {
  return request.messages.reduce((sum, { blocks }) => sum + blocks.filter(isNativeSeal).length, 0)
}
