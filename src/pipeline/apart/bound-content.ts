/** Requests that no target of another dialect can serve, because nothing usable would be left of what they hold. */
import type { Block } from "../../canonical/block.ts"
import type { Request } from "../../canonical/request.ts"
import { RouterError } from "../../errors.ts"

/**
 * `stateful-unsupported` where the conversation holds what only its vendor can go on with (a sealed summary, a wish to
 * compact, an encrypted message of an agent), or where references are all that it holds, or hold the calls whose results
 * stand there; null where it can be translated.
 */
export function boundContent({ dialect, messages }: Request): RouterError | null {
  const param = (index: number): string => (dialect === "responses" ? `input[${index}]` : `messages[${index}]`)
  const bound = messages.findIndex(({ blocks }) => blocks.some((block) => isRaw(block, "bound")))
  if (bound !== -1) return unsupported(param(bound), "only a target of its own dialect can go on with it")
  const pointing = messages.findIndex(({ blocks }) => blocks.some((block) => isRaw(block, "reference")))
  if (pointing === -1) return null
  const said = messages.flatMap(({ role, blocks }) => (role === "system" || role === "developer" ? [] : blocks))
  const calls = new Set(said.flatMap((block) => (block.type === "tool-call" ? [block.id] : [])))
  const isLeft = said.some((block) => !isRaw(block, "reference"))
  const isAnswered = said.every((block) => block.type !== "tool-result" || calls.has(block.callId))
  return isLeft && isAnswered ? null : unsupported(param(pointing), "no target of this model group can resolve it")
}

function isRaw(block: Block, what: "bound" | "reference"): boolean {
  return block.type === "raw" && block.what === what
}

function unsupported(param: string, why: string): RouterError {
  return new RouterError("stateful-unsupported", { param, message: `\`${param}\` cannot be translated: ${why}.` })
}
