/** How many bytes of a request make a token, and how many tokens an image takes, learned per model from what upstreams report. */

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
/** Images differ more than texts do: many small ones must not make a large one a surprise. */
const FORGET_IMAGES = 1 / 256
/** What is learned from one report, at most. */
const MOST_IMAGE_TOKENS = 100_000
/** Of the largest image that a model of today is known to take, at full detail. */
const LARGEST_IMAGE_TOKENS = 25_600

export class Estimator {
  readonly #ratios = new Map<string, number>()
  readonly #images = new Map<string, number>()
  /** Calls with images that are on their way to models of which no report has come yet. */
  readonly #asked = new Map<string, number>()
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

  /** Of one image; never less than `least`, which the catalogue or a vendor's document says. */
  imageTokens(model: string, least: number): number {
    return Math.max(least, this.#images.get(model) ?? 0)
  }

  /**
   * The same, to be reserved. The first call with images to a model goes at `least`, since it may be the only one for which a
   * limit has room; until its report comes the others are taken to hold the largest images there are.
   */
  reservedImageTokens(model: string, least: number): number {
    const isFirst = this.#images.has(model) || (this.#asked.get(model) ?? 0) === 0
    return isFirst ? this.imageTokens(model, least) : Math.max(least, LARGEST_IMAGE_TOKENS)
  }

  /** A call with images may go to these models; `imagesEnded` follows. */
  imagesAsked(models: readonly string[]): void {
    for (const model of models) this.#asked.set(model, (this.#asked.get(model) ?? 0) + 1)
  }

  imagesEnded(models: readonly string[]): void {
    for (const model of models) {
      const left = (this.#asked.get(model) ?? 0) - 1
      if (left > 0) this.#asked.set(model, left)
      else this.#asked.delete(model)
    }
  }

  /** An upstream reported so many tokens for so many images and so many bytes of text; or, where it tells them apart, for the images. */
  learnImages(model: string, images: number, textBytes: number, tokens: number, imageTokens: number | null): void {
    if (images <= 0 || tokens <= 0) return
    if (!this.#images.has(model) && this.#images.size >= MODELS_KEPT) return
    const known = this.#images.get(model) ?? 0
    const text = this.tokens(model, textBytes)
    const all = Math.max(0, imageTokens ?? tokens - text)
    // beside much text the share of the images is guesswork
    const isTold = imageTokens !== null || text <= tokens / 2
    const seen = isTold ? Math.min(MOST_IMAGE_TOKENS, all / images) : known
    this.#images.set(model, seen > known ? seen : known + (seen - known) * FORGET_IMAGES)
  }

  compare(estimatedTokens: number, reportedTokens: number): void {
    this.error.calls += 1
    this.error.estimatedTokens += estimatedTokens
    this.error.reportedTokens += reportedTokens
    this.error.missedTokens += Math.max(0, reportedTokens - estimatedTokens)
  }
}
