/** What an upstream said instead of an answer. */
import type { AttemptFailure } from "../../upstream/failure.ts"

/** The upstream's refusal of the request, in its own words. */
export interface Relay {
  readonly kind: "relay"
  readonly status: number
  readonly bytes: Uint8Array
  readonly contentType: string
  readonly failure: AttemptFailure
  /** The upstream's name of the model, which the words may say. */
  readonly model: string
}
