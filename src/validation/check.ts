/** A check: what is asked of a target to prove one capability, and how the answers are judged. */
import type { Capability } from "../activation/capabilities.ts"
import type { ToolCallBlock } from "../canonical/block.ts"
import type { JsonObject } from "../canonical/json.ts"
import type { Request } from "../canonical/request.ts"
import type { Reply } from "../canonical/reply.ts"
import type { DialectName } from "../dialects/name.ts"
import type { Target } from "../config/snapshot.ts"
import type { BilledUsage } from "../canonical/billed-usage.ts"
import type { AttemptFailure } from "../upstream/failure.ts"

/** Judges by marks that a model can only repeat or miss: random words, given arguments, coloured squares. It never rates an answer. */
export interface Check {
  readonly name: Capability
  /** A sentence for people: what a pass proves. */
  readonly proves: string
  /** Does the configuration say that the target can do this? Null: it says nothing. */
  readonly declared: (target: Target) => boolean | null
  /** Why the target cannot be asked by clients of that dialect, whatever is declared; null: it can. */
  readonly impossible: (target: Target, options: CheckOptions, client: DialectName) => string | null
  /** The most tokens that the exchanges of one run use together. `cap`: `roomyCapOf` the target. */
  readonly most: (target: Target, cap: number) => TokenBound
  /** Asks and judges. Resolves where the capability is proven. @throws Judgement */
  readonly run: (asking: Asking) => Promise<void>
}

export interface TokenBound {
  readonly input: number
  readonly output: number
}

export interface CheckOptions {
  /** Address of a picture with four squares, as `squares.ts` draws them, that the upstream can load; null: there is none. */
  readonly image: { readonly url: string; readonly colours: readonly string[] } | null
  /** Also what needs very long requests. */
  readonly isDeep: boolean
}

/** `undecided`: nothing is proven either way, and nothing is recorded. */
export type Outcome = "pass" | "fail" | "undecided" | "skipped"

/** Ends a check before its end. The message is a sentence without content, keys and addresses. */
export class Judgement extends Error {
  readonly outcome: Exclude<Outcome, "pass">

  constructor(outcome: Exclude<Outcome, "pass">, message: string) {
    super(message)
    this.name = "Judgement"
    this.outcome = outcome
  }
}

export function fail(message: string): never {
  throw new Judgement("fail", message)
}

/** Neither proven nor disproven. */
export function undecided(message: string): never {
  throw new Judgement("undecided", message)
}

/** A question in no dialect; what is absent is not said. */
export type Question = Partial<Omit<Request, "dialect" | "model" | "stream" | "includeUsage">> & {
  readonly messages: Request["messages"]
}

export interface AskOptions {
  /** The last word on the body, in the target's dialect. */
  readonly edit?: (body: JsonObject) => JsonObject
}

interface Answered {
  readonly kind: "answer"
  readonly reply: Reply
  /** Null: the answer reports none. */
  readonly usage: BilledUsage | null
}

export type Heard = Answered | Refusal | Broken

/** An answer of another status than 2xx. */
export interface Refusal {
  readonly kind: "refused"
  readonly status: number
  /** The body is an error of the dialect. */
  readonly isError: boolean
  readonly failure: AttemptFailure
}

/** No answer came, or none of the dialect. */
export interface Broken {
  readonly kind: "broken"
  readonly failure: AttemptFailure
}

export interface StreamHeard extends Answered {
  /** The event that ends streams of the dialect came. */
  readonly hasTerminal: boolean
  /** What is wrong with the order of its events; null: nothing. */
  readonly disorder: string | null
  /** Milliseconds from the request to the first content; null: none came. */
  readonly firstContentMs: number | null
  /** Frames that brought content. */
  readonly contentFrames: number
}

/** What checks ask with: the upstream itself, or a router in front of it. */
export interface Asking {
  readonly target: Target
  readonly options: CheckOptions
  /** The upstream is asked without a router between. Else `target` is the router's door, as clients of a dialect see it. */
  readonly isDirect: boolean
  /** A random word of small letters that no answer holds by chance. */
  readonly word: () => string
  /** A whole number from 0 up to, and without, `below`. */
  readonly draw: (below: number) => number
  /** Room for an answer of a few words, and for reasoning before it. Tokens. */
  readonly roomyCap: number
  /** The answer. @throws Judgement where none came */
  readonly answer: (question: Question, options?: AskOptions) => Promise<Answered>
  /** The same as a stream. @throws Judgement */
  readonly stream: (question: Question) => Promise<StreamHeard>
  /** The same; null: it is no whole stream, which `streaming` judges. */
  readonly streamIfWhole: (question: Question) => Promise<StreamHeard | null>
  /** The answer or the refusal. @throws Judgement where the upstream could not be asked */
  readonly hear: (question: Question, options?: AskOptions) => Promise<Heard>
  /** Input tokens of a question by the upstream's own count; null: it does not count. */
  readonly count: (question: Question) => Promise<number | null>
  /** Model ids by the upstream's list; null: it has none. @throws Judgement where the key is refused */
  readonly list: () => Promise<readonly string[] | null>
  readonly pause: (ms: number) => Promise<void>
}

const ROOM = 2048
const ROOM_TO_REASON = 8192

/** Tokens for an answer of a few words, and for reasoning before it. */
export function roomyCapOf({ capabilities, limits, facts }: Target): number {
  const wanted = capabilities.reasoning === true || limits.alwaysReasons ? ROOM_TO_REASON : ROOM
  return Math.min(wanted, facts.maxOutputTokens ?? wanted)
}

/** Texts of an answer, joined. */
export function textOf({ blocks }: Reply): string {
  return blocks.flatMap((block) => (block.type === "text" ? [block.text] : [])).join("")
}

export function callsOf({ blocks }: Reply): readonly ToolCallBlock[] {
  return blocks.filter((block) => block.type === "tool-call")
}

/** Null: the configuration says nothing of it. */
export function saysOf(
  { declared }: Target,
  key: "tools" | "tool_choice" | "structured_outputs" | "image",
): boolean | null {
  const said = declared.facts[key]
  return typeof said === "boolean" ? said : null
}
