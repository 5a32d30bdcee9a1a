/** What a call may use at most, as far as its body tells: the rules that admission and spend ceilings share. */
import type { Group, Target } from "../config/snapshot.ts"
import { WIRES } from "../dialects/wires.ts"
import type { RequestShape } from "../dialects/shape-reader.ts"
import type { Asked } from "./eligibility/filter.ts"

/** What an image of the largest size that is not scaled down costs. https://platform.claude.com/docs/en/build-with-claude/vision */
export const IMAGE_TOKENS = 1600
/** Of files in base64: about 2000 tokens for a page of 50 KB of a document; images are counted by number beside that. */
const ENCODED_BYTES_PER_TOKEN = 34
const ENCODED_IMAGE_BYTES_PER_TOKEN = 100
/** Where the catalogue says nothing. */
export const UNKNOWN_CONTEXT_TOKENS = 200_000

/** Of images, and of files in base64. `imageTokens`: of one image; `isMost`: no image takes more. */
export function encodedTokens(shape: RequestShape, imageTokens: number, isMost: boolean): number {
  const { imageCount, encodedBytes, encodedImageBytes } = shape
  const images = imageCount * imageTokens
  const bySize = isMost ? 0 : Math.ceil(encodedImageBytes / ENCODED_IMAGE_BYTES_PER_TOKEN)
  return Math.max(images, bySize) + Math.ceil((encodedBytes - encodedImageBytes) / ENCODED_BYTES_PER_TOKEN)
}

/** All of the body but files in base64. */
export function textBytes({ bodyBytes, shape }: Pick<Asked, "bodyBytes" | "shape">): number {
  return Math.max(0, bodyBytes - shape.encodedBytes)
}

/**
 * The most that an answer of this target has, by the client's cap; null: none binds it. In its own dialect a cap counts only
 * where it stands in a field that the server reads; for other dialects the router writes it. Servers of the OpenAI dialects
 * may take 0 for none; Anthropic fills its cache with it.
 */
export function outputBound({ facts, dialect }: Pick<Asked, "facts" | "dialect">, target: Bounded): number | null {
  const cap = facts.outputCap
  if (cap === null || (cap.tokens === 0 && !WIRES[dialect.name].capsAtZero)) return null
  if (target.dialect !== dialect.name) return Math.max(cap.tokens, target.facts.minOutputTokens)
  const { capFields } = target.reservation
  return capFields === null || capFields.some((field) => cap.fields.includes(field)) ? cap.tokens : null
}

export type Bounded = Pick<Target, "dialect" | "reservation" | "facts">

/** Does the call point at content that is not in its body? Then its input may be as long as a context. */
export function hidesContent(asked: Pick<Asked, "shape" | "holdsState">, group: Group | null): boolean {
  if (asked.holdsState || asked.shape.pointsElsewhere) return true
  return group?.hostedTools !== "strip" && asked.shape.hostedToolCount > 0
}
