/** What the exchanges of one check leave behind: ids, numbers, times and a hash, never content. */
import { createHash } from "node:crypto"
import type { Evidence } from "../activation/record.ts"
import type { BilledUsage } from "../canonical/billed-usage.ts"

const MOST_IDS = 20
const LONGEST_REASON = 300

export class EvidenceOf {
  readonly #ids: string[] = []
  readonly #counters: Record<string, number> = {}
  readonly #timings: Record<string, number> = {}
  readonly #asked = createHash("sha256")
  #hasAsked = false

  asked(bytes: Uint8Array): void {
    this.#hasAsked = true
    this.#asked.update(bytes)
    this.#add("requests", 1)
  }

  answered(requestId: string | null, ms: number): void {
    if (requestId !== null && this.#ids.length < MOST_IDS) this.#ids.push(requestId)
    this.#timings["slowest_ms"] = Math.max(this.#timings["slowest_ms"] ?? 0, Math.round(ms))
  }

  firstContent(ms: number): void {
    this.#timings["first_content_ms"] = Math.round(ms)
  }

  used(usage: BilledUsage | null, costNanoUsd: number | null): void {
    if (costNanoUsd !== null) this.#add("cost_nano_usd", costNanoUsd)
    if (usage === null) return
    this.#add("fresh_input_tokens", usage.freshInputTokens)
    this.#add("cached_input_tokens", usage.cachedInputTokens)
    this.#add("cache_write_tokens", usage.cacheWrite5mTokens + usage.cacheWrite1hTokens)
    this.#add("output_tokens", usage.outputTokens)
    this.#add("reasoning_tokens", usage.reasoningTokens ?? 0)
  }

  #add(name: string, amount: number): void {
    const sum = (this.#counters[name] ?? 0) + amount
    if (Number.isSafeInteger(sum) && sum >= 0) this.#counters[name] = sum
  }

  taken(reason: string | null): Evidence {
    return {
      requestIds: [...this.#ids],
      counters: { ...this.#counters },
      timings: { ...this.#timings },
      askedHash: this.#hasAsked ? this.#asked.copy().digest("hex") : null,
      reason: reason === null ? null : reason.slice(0, LONGEST_REASON),
    }
  }
}
