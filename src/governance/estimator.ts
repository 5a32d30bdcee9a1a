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
/** Of the largest image that a model of today is known to take, at full detail: what is reserved before anything is known. */
const LARGEST_IMAGE_TOKENS = 25_600

/** What was reported of the images of a model. */
interface SeenImages {
  /** Of one image. */
  tokens: number
  /** In base64, of the largest one; 0: they stood elsewhere. */
  bytes: number
}

export class Estimator {
  readonly #ratios = new Map<string, number>()
  readonly #images = new Map<string, SeenImages>()
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
    return Math.max(least, this.#images.get(model)?.tokens ?? 0)
  }

  /** The same, to be reserved: images with more base64 than those that were reported may be the largest there are. */
  reservedImageTokens(model: string, least: number, bytes: number): number {
    const seen = this.#images.get(model)
    const isKnown = seen !== undefined && bytes <= seen.bytes
    return isKnown ? this.imageTokens(model, least) : Math.max(this.imageTokens(model, least), LARGEST_IMAGE_TOKENS)
  }

  /**
   * An upstream reported so many tokens for so many images, with so many bytes of base64 each, and so many bytes of text; or,
   * where it tells them apart, for the images.
   */
  learnImages(
    model: string,
    images: { readonly count: number; readonly bytes: number },
    textBytes: number,
    tokens: number,
    imageTokens: number | null,
  ): void {
    if (images.count <= 0 || tokens <= 0) return
    const seen = this.#images.get(model)
    if (seen === undefined && this.#images.size >= MODELS_KEPT) return
    const text = this.tokens(model, textBytes)
    const isTold = imageTokens !== null || text <= tokens / 2
    const isLarger = seen === undefined || images.bytes > seen.bytes
    // beside much text the share of the images is guesswork: nothing but the most that it can be is believed
    if (!isTold && !isLarger) return
    const all = isTold ? (imageTokens ?? tokens - text) : tokens - textBytes / LOOSEST
    const told = Math.min(isTold ? MOST_IMAGE_TOKENS : LARGEST_IMAGE_TOKENS, Math.max(0, all) / images.count)
    const known = seen?.tokens ?? 0
    this.#images.set(model, {
      tokens: told > known ? told : known + (told - known) * FORGET_IMAGES,
      bytes: Math.max(seen?.bytes ?? 0, images.bytes),
    })
  }

  compare(estimatedTokens: number, reportedTokens: number): void {
    this.error.calls += 1
    this.error.estimatedTokens += estimatedTokens
    this.error.reportedTokens += reportedTokens
    this.error.missedTokens += Math.max(0, reportedTokens - estimatedTokens)
  }
}
