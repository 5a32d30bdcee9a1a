import type { DemoMessage } from "./exchange.ts"
import { countTokens } from "./tokens.ts"

/** Vendors cache from 1,024 tokens on; a demo shows it with prompts that a person types. */
const SMALLEST_PREFIX_TOKENS = 32
const MOST_PREFIXES = 4096

export interface PromptCache {
  /** Tokens of the longest known prefix before the last message. From now on the prompt itself is a known prefix. */
  readonly cachedTokens: (messages: readonly DemoMessage[]) => number
}

/** Remembers hashes of prefixes, the latest few thousand. */
export function createPromptCache(): PromptCache {
  const known = new Set<bigint>()
  return {
    cachedTokens(messages) {
      let hash = 0n
      let tokens = 0
      let cached = 0
      for (const [index, message] of messages.entries()) {
        hash = Bun.hash.wyhash(`${message.role}\n${message.text}`, hash)
        tokens += countTokens(message.text)
        const isLast = index === messages.length - 1
        if (!isLast && tokens >= SMALLEST_PREFIX_TOKENS && known.has(hash)) cached = tokens
        known.delete(hash)
        known.add(hash)
      }
      for (const oldest of known) {
        if (known.size <= MOST_PREFIXES) break
        known.delete(oldest)
      }
      return cached
    },
  }
}
