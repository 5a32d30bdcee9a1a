/** Where a call may go: what the shortlist found, and in which order the targets are tried. */
import type { Target } from "../../config/snapshot.ts"
import type { RouterError } from "../../errors.ts"
import type { ConversationKeys } from "../../routing/affinity/conversation-key.ts"
import type { Pin } from "../../routing/affinity/pin-store.ts"
import type { RejectionReason } from "../../routing/eligibility/reasons.ts"

/** A target that cannot serve the call. */
export interface Rejection {
  readonly target: Target
  readonly reason: RejectionReason
  /** What the caller is told when nothing else is left; null: `no-eligible-target`. */
  readonly error: RouterError | null
}

export interface Shortlist {
  readonly eligible: readonly Target[]
  readonly rejected: readonly Omit<Rejection, "error">[]
  /** Those of them that did not keep the group's contract lately, or are not proven: they may serve the call later. */
  readonly missing: readonly Rejection[]
}

/** What is known of the conversation that a call belongs to. */
export interface CallAffinity {
  /** Null: nothing tells this conversation from another. */
  readonly keys: ConversationKeys | null
  readonly pin: Pin | null
}

export interface Plan {
  /** The targets in the order in which they are tried. */
  readonly order: readonly Target[]
  readonly missing: readonly Rejection[]
  /** Null: pins were not asked for. */
  readonly affinity: CallAffinity | null
}
