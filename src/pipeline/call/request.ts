/** What a client asks for: its body, and everything that is read from it. Only `rewrite` changes it. */
import type { Loss } from "../../canonical/loss.ts"
import type { Credential } from "../../config/snapshot.ts"
import type { SpendCeiling } from "../../config/compile/spend-ceiling.ts"
import type { Dialect, RequestFacts } from "../../dialects/dialect.ts"
import type { BodyShape } from "../../dialects/shape-reader.ts"
import type { HeldId } from "../../dialects/stored-ids.ts"
import { holdsEnvelope } from "../../dialects/translate.ts"
import type { ScannedObject } from "../../json/scan.ts"
import type { Originals } from "../../pii/restore.ts"
import { conversationKeys, sessionKeys, type ConversationKeys } from "../../routing/affinity/conversation-key.ts"
import type { Asked } from "../../routing/eligibility/filter.ts"
import { decode, type DecodedRequest } from "../apart/decode.ts"
import { nativeSeals } from "../apart/native-seals.ts"
import type { Incoming, ReadableHeaders } from "../message.ts"

/** A body, and what was read from it when it came. */
export interface ReadBody {
  readonly body: ScannedObject
  readonly facts: RequestFacts
  /** Ids of state at a provider that the body points with; null: none. */
  readonly heldIds: readonly HeldId[] | null
  /** Null: nothing has looked for sealed reasoning yet. */
  readonly isSealed: boolean | null
}

export interface RequestSource {
  readonly dialect: Dialect
  readonly incoming: Pick<Incoming, "headers" | "path">
  readonly credential: Credential | null
  /** Unix milliseconds. */
  readonly ts: number
}

/** The first byte of `true`. */
const TRUE = 116
const NO_LOSSES: readonly Loss[] = []

type Rewritten = {
  -readonly [Part in "body" | "facts" | "heldIds" | "losses" | "originals" | "isRedacted"]: CallRequest[Part]
}
const rewriting = (request: CallRequest): Rewritten => request

export class CallRequest implements Asked {
  readonly dialect: Dialect
  readonly ts: number
  readonly headers: ReadableHeaders
  /** `POST /v1/responses/compact`: the answer is a shorter conversation, which only the vendor of the dialect can make. */
  readonly compacts: boolean
  readonly body: ScannedObject
  readonly facts: RequestFacts
  /** Ids of state at a provider that the body points with; null: none. */
  readonly heldIds: readonly HeldId[] | null
  /** What the router itself left out of the body, beside what translation loses. */
  readonly losses: readonly Loss[] = NO_LOSSES
  /** What the filter for personal data took out, by its placeholders, where answers get it back; null: nothing. */
  readonly originals: Originals | null = null
  /** The filter for personal data has run, and left nothing of what it looks for in the body. */
  readonly isRedacted: boolean = false
  readonly #credential: Credential | null
  #shape: BodyShape | null = null
  #decoded: DecodedRequest | null = null
  #nativeSeals: number | null = null
  #isSealed: boolean | null = null
  #conversation: ConversationKeys | null | undefined = undefined

  constructor(source: RequestSource, { body, facts, heldIds, isSealed }: ReadBody) {
    this.dialect = source.dialect
    this.ts = source.ts
    this.headers = source.incoming.headers
    this.compacts = source.incoming.path.endsWith("/responses/compact")
    this.#credential = source.credential
    this.body = body
    this.facts = facts
    this.heldIds = heldIds
    this.#isSealed = isSealed
  }

  get bodyBytes(): number {
    return this.body.bytes.length
  }

  get holdsState(): boolean {
    return this.heldIds !== null
  }

  /** The caller's; null: none. */
  get ceiling(): SpendCeiling | null {
    return this.#credential?.caller.ceiling ?? null
  }

  /** Made when it is first asked for, so that calls that nobody filters or scores do not pay. */
  get shape(): BodyShape {
    return (this.#shape ??= this.dialect.shapeOf(this.body))
  }

  /** The answer is made in the background, whether or not anybody reads it. */
  get runsInBackground(): boolean {
    const { bytes, members } = this.body
    const { backgroundMember } = this.dialect.wire
    if (backgroundMember === null) return false
    return members.some(({ key, start }) => key === backgroundMember && bytes[start] === TRUE)
  }

  /** The body holds reasoning that the router sealed. */
  get isSealed(): boolean {
    return (this.#isSealed ??= holdsEnvelope(this.body))
  }

  /** The keys by which its conversation is known; null: nothing tells it from another. They stay those of the body when they were first asked for. */
  get conversation(): ConversationKeys | null {
    if (this.#conversation === undefined)
      this.#conversation = conversationKeys({
        callerId: this.#callerId,
        dialect: this.dialect.name,
        body: this.body,
        headers: this.headers,
      })
    return this.#conversation
  }

  /** The keys of a request that names its session in a header; null: it does not. */
  get session(): ConversationKeys | null {
    return sessionKeys({ callerId: this.#callerId, dialect: this.dialect.name, headers: this.headers })
  }

  get #callerId(): string {
    return this.#credential?.caller.id ?? ""
  }

  /** Decodes at most once, and never for a call whose bytes pass. @throws RouterError `invalid-request` with `param` */
  decode(): DecodedRequest {
    return (this.#decoded ??= decode(this.body.bytes, this.dialect.name))
  }

  /** Seals in no envelope; null: nothing has decoded the body, which was sent as it is. */
  get nativeSeals(): number | null {
    return this.#decoded === null ? this.#nativeSeals : nativeSeals(this.#decoded.request)
  }

  /** Another thread has decoded the body, and found so many. */
  learnSeals(count: number): void {
    this.#nativeSeals = count
  }

  learnRedacted(): void {
    rewriting(this).isRedacted = true
  }

  /** The answer gets these back in place of their placeholders. */
  restoreWith(originals: Originals): void {
    rewriting(this).originals = originals
  }

  /** The one way to change a body: all that was read from it is read anew. `losses`: what the change left out. */
  rewrite(
    body: ScannedObject,
    losses: readonly Loss[] = NO_LOSSES,
    heldIds: CallRequest["heldIds"] = this.heldIds,
  ): void {
    const request = rewriting(this)
    request.body = body
    request.facts = this.dialect.peek(body)
    request.heldIds = heldIds
    request.losses = [...this.losses, ...losses]
    this.#shape = null
    this.#decoded = null
    this.#nativeSeals = null
    this.#isSealed = null
  }
}
