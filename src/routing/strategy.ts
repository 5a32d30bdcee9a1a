/**
 * The interface of all strategies. A strategy orders the eligible targets of a group for one call. It is pure: what is
 * known of the call, how the targets are doing, randomness and the time arrive as arguments, and nothing is written.
 */
import type { Caller, Group, StrategyName, StrategySettings, Target } from "../config/snapshot.ts"
import type { RequestFacts } from "../dialects/dialect.ts"
import type { DialectName } from "../dialects/name.ts"
import type { CallShape } from "../dialects/shape.ts"
import type { ScannedObject } from "../json/scan.ts"
import type { LiveView } from "./live-view.ts"
import type { PolicyExecution } from "./policy/execution.ts"
import type { FeedbackTicket } from "./policy/feedback.ts"

/** What is known of the call before anything is sent. */
export interface CallFacts {
  readonly id: string
  /** The dialect that the client speaks. */
  readonly dialect: DialectName
  readonly group: Group
  readonly caller: Caller | null
  /** The public part of the token that the call came with. */
  readonly tokenId: string | null
  /** Stream or not, the client's output cap, how many choices. */
  readonly request: RequestFacts
  /** All input as it will be billed, roughly. */
  readonly estimatedInputTokens: number
  /** The places of the body's top-level members; null where there is no body. */
  readonly body: ScannedObject | null
  /** Each part is read from the body when it is asked for; null where there is no body. */
  readonly shape: CallShape | null
  /** Reads a content that is too large for the event loop; absent: it is small. */
  readonly large?: LargeContent | undefined
  /** Absent: the call is here. */
  readonly recorded?: RecordedCall
}

/** Worked out in another thread. Rejects with RouterError `overloaded` where too much waits for it. */
export interface LargeContent {
  counts(): Promise<Pick<CallShape, "messageCount" | "textChars">>
  /** As `scriptText` says. */
  text(): Promise<string | null>
  /** As `firstTurnIn` says. */
  firstTurn(): Promise<string | null>
  /** As `bodyWithContent` says. */
  withContent(head: string): Promise<Uint8Array>
}

/** A call that was made earlier: its content is gone. */
export interface RecordedCall {
  /** Texts and messages were counted. */
  readonly hasCounts: boolean
  /** The same for all calls of its conversation; null: nothing told it from another. */
  readonly conversation: string | null
  /** A policy looks at what was not recorded, and finds it empty. */
  onMissed(what: MissedContent): void
}

export type MissedContent = "text" | "request" | "counts"

/** What the call is decided with. */
export interface RankContext {
  /** The group's, or its shadow's. */
  readonly settings: StrategySettings
  readonly live: LiveView
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** On the monotonic clock, in milliseconds: what the live view counts in. */
  readonly now: number
  /** Somebody will read `Ranking.explanation`. */
  readonly explain: boolean
}

/** How an order came about; a closed list. */
export type RankMode =
  /** As listed in the configuration. */
  | "configured"
  /** Drawn by weight. */
  | "drawn"
  /** By weight, because too little was observed yet. */
  | "cold-start"
  /** By weight and score. */
  | "scored"
  /** As `scored`, but another target is tried first to learn about it. */
  | "explored"
  /** A script or a policy service decided. */
  | "policy"
  /** It failed, and the group says that the configured order counts then. */
  | "policy-fallback"

export interface Ranking {
  /**
   * The complete retry set in the order in which it is tried; each of the eligible targets at most once, never empty.
   * What is left out is not tried at all: one target alone means no retry.
   */
  readonly order: readonly Target[]
  readonly mode: RankMode
  /** A label that a policy gave the call, already checked. */
  readonly classLabel: string | null
  /** Which of the group's leaders this order follows or changes (`LiveView.leader`); null: none. */
  readonly lane: number | null
  /** Null unless it was asked for, or where there is nothing to tell. */
  readonly explanation: RankExplanation | null
  /** How the policy ran; absent where none was asked. */
  readonly policy?: PolicyExecution
  /** Who wants to know how the call ended. */
  readonly feedback?: FeedbackTicket
}

export interface RankExplanation {
  /** What the strategy took the call for, e.g. the complexity bucket. */
  readonly callClass: string | null
  /** Tried first only to learn about it. */
  readonly explored: Target | null
  /** In the order of the ranking. */
  readonly targets: readonly TargetExplanation[]
}

export interface TargetExplanation {
  readonly target: Target
  /** 0 to 1; null where no score counts. */
  readonly score: number | null
  /** What the targets were ordered by. */
  readonly adjustedWeight: number
  readonly coldStart: boolean
  /** Attempts in the live window. */
  readonly observations: number
  /** Limits of the group that the target is beyond. */
  readonly beyond: readonly string[]
  /** Expected cost of the call, null where it is unknown. */
  readonly expectedCostNanoUsd: number | null
  readonly terms: readonly TermExplanation[]
}

export interface TermExplanation {
  readonly name: string
  /** 0 to 1; null: it was not worked out. */
  readonly value: number | null
  /** The score is the sum of what adds, value times weight, multiplied by what multiplies. */
  readonly role: "adds" | "multiplies"
  readonly weight: number
}

/** The promise is for strategies that ask somebody else; all others answer at once. */
export type Strategy = (targets: readonly Target[], call: CallFacts, context: RankContext) => Ranking | Promise<Ranking>

export type Strategies = Readonly<Record<StrategyName, Strategy>>
