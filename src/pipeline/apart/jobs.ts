/**
 * The jobs that are done in another thread where their bytes are large. Each is a pure function of plain values; the same
 * functions do the work on small bytes at once.
 */
import type { Loss } from "../../canonical/loss.ts"
import { packNeeds, unpackNeeds, type Means } from "../../dialects/answer-needs.ts"
import type { ReplyVerdict } from "../../dialects/dialect.ts"
import type { DialectName } from "../../dialects/name.ts"
import { ModelName } from "../../dialects/model-name.ts"
import type { MeterCounts } from "../../dialects/output-meter.ts"
import { readBackground, type BackgroundState } from "../../dialects/responses/background.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import type { CallShape } from "../../dialects/shape.ts"
import type { StoredId } from "../../dialects/stored-ids.ts"
import type { WrittenShape } from "../../dialects/written-shape.ts"
import { RouterError } from "../../errors.ts"
import type { Redaction } from "../../pii/redact.ts"
import { restoreAnswer } from "../../pii/restore-answer.ts"
import { restoreStream, StreamRestorer, type HeldTexts } from "../../pii/restore-stream.ts"
import type { Originals } from "../../pii/restore.ts"
import { bodyWithContent, firstTurnIn, scriptText } from "../../routing/policy/call-text.ts"
import { scanObject } from "../../json/scan.ts"
import { tellError, type ToldError } from "./apart.ts"
import { bodyHashOf, cacheContent, type Question } from "./cache-content.ts"
import { countedTokens } from "./counted-tokens.ts"
import { decode } from "./decode.ts"
import { editBody, type BodyRules, type Edited } from "./edited-body.ts"
import { disownIds, heldIdsIn, type Disowned, type HeldIds } from "./held-ids.ts"
import { withoutHosted, type Rule } from "./hosted-tools.ts"
import { keptReply, keptStream, type KeptAnswer } from "./kept-answer.ts"
import { judgedReply, judgedStream, type JudgedStream, type ReturnRule } from "./judged-answer.ts"
import { judgedFrame, type FrameOrder, type JudgedFrame } from "./judged-frame.ts"
import { nativeSeals } from "./native-seals.ts"
import { redactedApart, type RedactOrder } from "./redacted-body.ts"
import { turnAnswer, type Turn, type Turned, type Ways } from "./whole-answers.ts"
import { writingFrom, writeDecoded, type PlainWriting } from "./written-request.ts"

/** A request that was written for a target. */
export interface WrittenApart {
  readonly body: Uint8Array
  readonly shape: WrittenShape
  readonly losses: readonly Loss[]
  readonly packedNeeds: string
  /** Seals of the client's request that are in no envelope. */
  readonly nativeSeals: number
}

export interface TurnOrder extends Ways {
  readonly turn: Turn
  /** By `packed`. */
  readonly needs: string
}

export interface ContentOrder {
  /** Of the question, without its closing brace. */
  readonly head: string
  readonly dialect: DialectName
}

export interface ToolsOrder {
  readonly dialect: DialectName
  readonly rule: Rule
}

export interface JudgeOrder {
  readonly dialect: DialectName
  readonly returns: ReturnRule
}

export interface QuestionOrder {
  readonly dialect: DialectName
  /** That the scan has counted. */
  readonly values: number
}

export interface KeepOrder {
  readonly dialect: DialectName
  readonly isStream: boolean
}

export interface RestoreOrder {
  readonly dialect: DialectName
  readonly originals: Originals
  readonly isStream: boolean
}

export interface RestoreEventOrder {
  readonly dialect: DialectName
  readonly originals: Originals
  readonly held: HeldTexts
}

export interface RestoredEvent {
  readonly bytes: Uint8Array
  readonly held: HeldTexts
}

export interface JudgedApart {
  readonly verdict: ReplyVerdict
  readonly returned: readonly StoredId[]
  /** Null: the vendor has reported its output. */
  readonly meter: MeterCounts | null
}

export const JOBS = {
  /** The request for a target, or why the target cannot reach the state in it. */
  translate(bytes: Uint8Array, order: PlainWriting, means: Means): WrittenApart | ToldError {
    const writing = writingFrom(order)
    const request = decode(bytes, writing.client)
    const wrote = writeDecoded(request, writing, means)
    if (wrote instanceof RouterError) return tellError(wrote)
    const { body, shape, losses, needs } = wrote
    return { body, shape, losses, packedNeeds: packNeeds(needs), nativeSeals: nativeSeals(request.request) }
  },
  /** Fields set and left out by a target's configuration. */
  edit(bytes: Uint8Array, rules: BodyRules): Edited {
    return editBody([bytes], rules)
  },
  /** A request without personal data. */
  redact(bytes: Uint8Array, order: RedactOrder, { now }: Means): Redaction {
    return redactedApart(bytes, order, now)
  },
  /** A whole answer with what the filter took out of its request. */
  restore(bytes: Uint8Array, { dialect, originals, isStream }: RestoreOrder): Uint8Array {
    return isStream ? restoreStream(bytes, dialect, originals) : restoreAnswer(bytes, dialect, originals)
  },
  /** The same of one event of a stream, behind all before it. */
  restoreEvent(bytes: Uint8Array, { dialect, originals, held }: RestoreEventOrder): RestoredEvent {
    const restorer = new StreamRestorer(dialect, originals, held)
    return { bytes: restorer.frame(bytes), held: restorer.held }
  },
  /** Ids of state at a provider that a request points with. */
  findIds(bytes: Uint8Array, dialect: DialectName): HeldIds {
    const holds = DIALECTS[dialect].stored.mayHold(scanObject(bytes, Infinity))
    return holds ? heldIdsIn(bytes, dialect) : { ids: [], anew: null }
  },
  /** A request without ids that lead nowhere. */
  disown(bytes: Uint8Array, changes: Disowned): Uint8Array {
    return disownIds(bytes, changes)
  },
  /** A request without tools that its provider runs; null: it has none. */
  governTools(bytes: Uint8Array, { dialect, rule }: ToolsOrder): Uint8Array | null {
    return withoutHosted(scanObject(bytes, Infinity), decode(bytes, dialect), dialect, rule)
  },
  /** How many messages a request has, and how much text. */
  countText(bytes: Uint8Array, dialect: DialectName): Pick<CallShape, "messageCount" | "textChars"> {
    const { messageCount, textChars } = DIALECTS[dialect].shapeOf(scanObject(bytes, Infinity))
    return { messageCount, textChars }
  },
  /** All text of a conversation; null: it is too long for a script. */
  readText(bytes: Uint8Array, dialect: DialectName): string | null {
    return scriptText(bytes, dialect)
  },
  /** The first turn of a conversation, by its hash; null: there is none. */
  firstTurn(bytes: Uint8Array, dialect: DialectName): string | null {
    return firstTurnIn(bytes, dialect)
  },
  /** What a policy service is asked that may read the content. */
  withContent(bytes: Uint8Array, { head, dialect }: ContentOrder): Uint8Array {
    return bodyWithContent(head, bytes, dialect)
  },
  /** About how many tokens a request has, as Messages counts them; null: it holds no messages. */
  countTokens(bytes: Uint8Array): number | null {
    return countedTokens(bytes)
  },
  /** What a whole answer says about itself. */
  judge(bytes: Uint8Array, { dialect, returns }: JudgeOrder): JudgedApart {
    const { verdict, returned, meter } = judgedReply(bytes, DIALECTS[dialect], returns)
    return { verdict, returned, meter: meter?.counts ?? null }
  },
  /** What a whole stream says about itself. */
  judgeStream(bytes: Uint8Array, dialect: DialectName): Omit<JudgedStream, "meter"> & { readonly meter: MeterCounts } {
    const { fault, facts, meter } = judgedStream(bytes, DIALECTS[dialect])
    return { fault, facts, meter: meter.counts }
  },
  /** One event of a stream, judged behind all before it. */
  judgeFrame(bytes: Uint8Array, order: FrameOrder): JudgedFrame {
    return judgedFrame(bytes, order)
  },
  /** What an answer that was asked for again says of its making. */
  readBackground(bytes: Uint8Array): BackgroundState | null {
    return readBackground(bytes)
  },
  /** What a request asks, as the response cache knows it. */
  question(bytes: Uint8Array, { dialect, values }: QuestionOrder): Question | null {
    const content = cacheContent(bytes, values, dialect)
    return content === null ? null : { bodyHash: bodyHashOf(bytes, dialect), content }
  },
  /** An answer as the response cache keeps it; null: it may not be kept. */
  keep(bytes: Uint8Array, { dialect, isStream }: KeepOrder, means: Means): KeptAnswer | null {
    return isStream ? keptStream(bytes, dialect, means) : keptReply(bytes, dialect)
  },
  /** A whole answer for the client. */
  turn(bytes: Uint8Array, { turn, needs, ...ways }: TurnOrder, means: Means): Turned {
    return turnAnswer(turn, bytes, ways, unpackNeeds(needs, means))
  },
  /** An answer under the model name that was asked for. */
  rename(bytes: Uint8Array, name: string): Uint8Array {
    return new ModelName(name).body(bytes)
  },
} as const
