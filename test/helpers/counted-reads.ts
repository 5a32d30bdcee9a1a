/** How often a history is looked at: work that grows with its square shows without a clock. */
import type { Message } from "../../src/canonical/request.ts"

/** The messages, and how often the blocks of any of them were read since. */
export function countedReads(messages: readonly Message[]): {
  readonly messages: readonly Message[]
  readonly reads: () => number
} {
  let reads = 0
  const counted = messages.map(({ blocks, ...message }): Message => {
    return {
      ...message,
      get blocks() {
        reads += 1
        return blocks
      },
    }
  })
  return { messages: counted, reads: () => reads }
}
