/** How many bytes of a request make a token, learned per model from what upstreams report. */

/**
 * The most bytes that a token is ever taken for. English prose in JSON comes near it; other scripts, code and keys have
 * fewer. Whatever a caller teaches, an estimate never gets smaller than by this ratio.
 */
const LOOSEST = 4
const TIGHTEST = 1
/** Until something was learned. */
const FIRST = 3
/** A large model list does not make this grow without bound. */
const MODELS_KEPT = 10_000
/** An underestimate is believed at once and half way, an overestimate slowly. */
const TIGHTEN = 0.5
const LOOSEN = 1 / 32
/** Shorter bodies are mostly frame: their ratio says nothing. */
const LEAST_BYTES = 1024

export class Estimator {
  readonly #ratios = new Map<string, number>()
  /** Calls whose estimate was compared with what was reported, the sums of both, and what estimates fell short of. */
  readonly error = { calls: 0, estimatedTokens: 0, reportedTokens: 0, missedTokens: 0 }

  tokens(model: string, bytes: number): number {
    return Math.ceil(bytes / this.bytesPerToken(model))
  }

  bytesPerToken(model: string): number {
    return this.#ratios.get(model) ?? FIRST
  }

  /** An upstream reported so many tokens for so many bytes of text. */
  learn(model: string, bytes: number, tokens: number): void {
    if (bytes < LEAST_BYTES || tokens <= 0) return
    const seen = Math.min(LOOSEST, Math.max(TIGHTEST, bytes / tokens))
    const known = this.bytesPerToken(model)
    if (!this.#ratios.has(model) && this.#ratios.size >= MODELS_KEPT) return
    this.#ratios.set(model, known + (seen - known) * (seen < known ? TIGHTEN : LOOSEN))
  }

  compare(estimatedTokens: number, reportedTokens: number): void {
    this.error.calls += 1
    this.error.estimatedTokens += estimatedTokens
    this.error.reportedTokens += reportedTokens
    this.error.missedTokens += Math.max(0, reportedTokens - estimatedTokens)
  }
}
