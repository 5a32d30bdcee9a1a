/** How many input tokens a request may have, where only its size is known. */
import type { Asked } from "./filter.ts"

/**
 * English prose has a little more bytes a token and JSON with escapes a little fewer. Rather too few tokens than too many:
 * a call that does not fit is refused by the upstream, one that is refused here is lost.
 */
const BYTES_PER_TOKEN = 4
/** The least that an image costs at any vendor. https://platform.openai.com/docs/guides/images-vision */
const IMAGE_TOKENS = 85

/** Files in base64 are looked for only where they could matter: where the body as a whole is more than `enough`. */
export function estimatedInputTokens({ bodyBytes, shape }: Pick<Asked, "bodyBytes" | "shape">, enough: number): number {
  const whole = Math.ceil(bodyBytes / BYTES_PER_TOKEN)
  if (whole <= enough) return whole
  return Math.ceil((bodyBytes - shape.encodedBytes) / BYTES_PER_TOKEN) + shape.imageCount * IMAGE_TOKENS
}
