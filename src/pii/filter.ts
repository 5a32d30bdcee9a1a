/** What a model group filters, as plain values: a thread that works on large bodies gets them as they are. */

export const DETECTOR_NAMES = ["secret", "email", "iban", "card", "us_ssn", "ip", "phone"] as const
export type DetectorName = (typeof DETECTOR_NAMES)[number]

/** One kind of personal data: a detector of the router's own, or the operator's expression. */
export type PiiRule =
  | { readonly name: DetectorName; readonly expression: null }
  | {
      readonly name: string
      /** In the syntax of RE2. */
      readonly expression: string
      readonly prefix: string
    }

/** Parts of a request, by the words of the configuration. */
export type PiiPart = "system" | "messages" | "responses_input" | "tool_results" | "image_urls"

export interface PiiFilter {
  /** In this order where matches begin at the same place and are equally long. */
  readonly rules: readonly PiiRule[]
  readonly parts: Readonly<Record<PiiPart, boolean>>
  /** A match refuses the call. */
  readonly blocks: boolean
  /** Answers get the originals back. */
  readonly restores: boolean
  /** Further matches refuse the call; Infinity: none do. */
  readonly maxReplacements: number
  /** As the configuration names what a match leads to. */
  readonly mode: "redact_only" | "redact_and_restore" | "fail_on_match"
}
