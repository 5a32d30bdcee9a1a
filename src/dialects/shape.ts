/**
 * The shape of a request: what eligibility filters and routing strategies may know of it. Counts and flags of what the
 * body asks for, read from its bytes without the canonical form; never its content.
 */
export interface CallShape {
  readonly messageCount: number
  /** Characters of text in instructions and messages. */
  readonly textChars: number
  /** In every place where images can stand, tool results included. */
  readonly imageCount: number
  /** Tools that the client executes, by `tools` or as items of the input. */
  readonly toolCount: number
  /** Tools that the provider executes. */
  readonly hostedToolCount: number
  /** Bytes of the `tools` member. */
  readonly toolSchemaBytes: number
  /** The history holds tool calls or tool results. */
  readonly hasToolHistory: boolean
  /** `null` in the body is an explicit choice of its own. */
  readonly toolChoice: "unset" | "null" | "auto" | "none" | "forced"
  readonly structuredOutput: boolean
  readonly reasoning: ReasoningShape
  readonly temperatureSet: boolean
}

export interface ReasoningShape {
  /** False where the body says nothing, or switches it off. */
  readonly requested: boolean
  readonly kind: "none" | "off" | "effort" | "budget" | "adaptive"
  /** At most 32 letters, digits, `_` and `-`; whatever else a client says is `other`. */
  readonly effort: string | null
  readonly budgetTokens: number | null
}
