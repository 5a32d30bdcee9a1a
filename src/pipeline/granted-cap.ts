import type { Target } from "../config/snapshot.ts"
import type { Cap } from "../dialects/passthrough.ts"
import type { Call } from "./call.ts"

/** The cap that the router writes; null where the client's own words, or none, go upstream. */
export function capOf({ grantedCap, compacts }: Call, { dialect, facts }: Target): Cap | null {
  // a compaction takes no cap
  if (grantedCap === null || compacts) return null
  const field =
    dialect === "openai-responses"
      ? "max_output_tokens"
      : dialect === "anthropic"
        ? "max_tokens"
        : facts.outputTokenField
  return { field, tokens: grantedCap }
}
