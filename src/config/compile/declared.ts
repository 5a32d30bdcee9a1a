/** What the configuration says of a target: evidence about the target holds only as long as this stays. */
import type { Accepts, GroupConfig, RequestEdits } from "../config.ts"

/** JSON values; absent: nothing is said. */
export interface DeclaredFacts {
  /** Label of the credential, never the credential. */
  readonly keyId: string | null
  readonly facts: Readonly<Partial<Record<DeclaredKey, unknown>>>
  /** The nearest to the target wins. */
  readonly accepts: Readonly<Partial<Accepts>>
  /** From the widest to the nearest. */
  readonly edits: readonly RequestEdits[]
  /** Of the group: what it does to calls on their way. */
  readonly group: Readonly<Pick<GroupConfig, "translation" | "hosted_tools">>
}

/** As the configuration calls them; those of tools are the words of the target's own dialect. */
export type DeclaredKey =
  | "tools"
  | "tool_choice"
  | "structured_outputs"
  | "image"
  | "reasoning"
  | "answers_as"
  | "context_tokens"
  | "max_output_tokens"
  | "honors_max_tokens"
  | "output_token_field"
