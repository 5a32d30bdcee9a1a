/** What a client asks for: its body, and everything that is read from it. Only `rewrite` changes it. */
import { isObject, parseExact, type JsonObject } from "../../canonical/json.ts"
import type { Loss } from "../../canonical/loss.ts"
import type { Request as CanonicalRequest } from "../../canonical/request.ts"
import type { Credential } from "../../config/snapshot.ts"
import type { SpendCeiling } from "../../config/spend-ceiling.ts"
import type { Dialect, RequestFacts } from "../../dialects/dialect.ts"
import { CODECS } from "../../dialects/registry.ts"
import type { RequestShape } from "../../dialects/shape-reader.ts"
import type { HeldId } from "../../dialects/stored-ids.ts"
import { holdsEnvelope } from "../../dialects/translate.ts"
import { RouterError } from "../../errors.ts"
import type { ScannedObject } from "../../json/scan.ts"
import { conversationKeys, type ConversationKeys } from "../../routing/affinity/conversation-key.ts"
import type { Asked } from "../../routing/eligibility/filter.ts"
import type { Incoming, ReadableHeaders } from "../message.ts"

/** The body in the canonical form. */
export interface DecodedRequest {
  readonly request: CanonicalRequest
  readonly clientBody: JsonObject
  /** What the canonical form itself cannot hold. */
  readonly losses: readonly Loss[]
}

export interface RequestSource {
  readonly dialect: Dialect
  readonly incoming: Pick<Incoming, "headers" | "path">
  readonly credential: Credential | null
  /** Unix milliseconds. */
  readonly ts: number
}

const NO_LOSSES: readonly Loss[] = []
const decoder = new TextDecoder()

export class Request implements Asked {
  readonly dialect: Dialect
  readonly ts: number
  readonly headers: ReadableHeaders
  /** `POST /v1/responses/compact`: the answer is a shorter conversation, which only the vendor of the dialect can make. */
  readonly compacts: boolean
  readonly #credential: Credential | null
  #body: ScannedObject
  #facts: RequestFacts
  #heldIds: readonly HeldId[] | null
  #losses = NO_LOSSES
  #shape: RequestShape | null = null
  #decoded: DecodedRequest | null = null
  #isSealed: boolean | null = null
  #conversation: ConversationKeys | null | undefined = undefined

  /** `heldIds`: of state at a provider that the body points with; null: none. */
  constructor(source: RequestSource, body: ScannedObject, facts: RequestFacts, heldIds: readonly HeldId[] | null) {
    this.dialect = source.dialect
    this.ts = source.ts
    this.headers = source.incoming.headers
    this.compacts = source.incoming.path.endsWith("/responses/compact")
    this.#credential = source.credential
    this.#body = body
    this.#facts = facts
    this.#heldIds = heldIds
  }

  get body(): ScannedObject {
    return this.#body
  }

  get bodyBytes(): number {
    return this.#body.bytes.length
  }

  get facts(): RequestFacts {
    return this.#facts
  }

  /** Ids of state at a provider that the body points with; null: none. */
  get heldIds(): readonly HeldId[] | null {
    return this.#heldIds
  }

  get holdsState(): boolean {
    return this.#heldIds !== null
  }

  /** What the router itself left out of the body, beside what translation loses. */
  get losses(): readonly Loss[] {
    return this.#losses
  }

  /** The caller's; null: none. */
  get ceiling(): SpendCeiling | null {
    return this.#credential?.caller.ceiling ?? null
  }

  /** Made when it is first asked for, so that calls that nobody filters or scores do not pay. */
  get shape(): RequestShape {
    return (this.#shape ??= this.dialect.shapeOf(this.#body))
  }

  /** The body holds reasoning that the router sealed. */
  get isSealed(): boolean {
    return (this.#isSealed ??= holdsEnvelope(this.#body))
  }

  /** Null: nothing needed it in the canonical form so far. */
  get decoded(): DecodedRequest | null {
    return this.#decoded
  }

  /** The keys by which its conversation is known; null: nothing tells it from another. They stay those of the body when they were first asked for. */
  get conversation(): ConversationKeys | null {
    if (this.#conversation === undefined)
      this.#conversation = conversationKeys({
        callerId: this.#credential?.caller.id ?? "",
        dialect: this.dialect.name,
        body: this.#body,
        headers: this.headers,
      })
    return this.#conversation
  }

  /** Decodes at most once, and never for a call whose bytes pass. @throws RouterError `invalid-request` with `param` */
  decode(): DecodedRequest {
    if (this.#decoded !== null) return this.#decoded
    const clientBody = parseExact(decoder.decode(this.#body.bytes))
    if (!isObject(clientBody)) throw new RouterError("internal-error")
    const { request, losses } = CODECS[this.dialect.name].readRequest(clientBody)
    return (this.#decoded = { request, clientBody, losses })
  }

  /** The one way to change a body: all that was read from it is read anew. `losses`: what the change left out. */
  rewrite(
    body: ScannedObject,
    losses: readonly Loss[] = NO_LOSSES,
    heldIds: readonly HeldId[] | null = this.#heldIds,
  ): void {
    this.#body = body
    this.#facts = this.dialect.peek(body)
    this.#heldIds = heldIds
    this.#shape = null
    this.#decoded = null
    this.#isSealed = null
    if (losses.length > 0) this.#losses = [...this.#losses, ...losses]
  }
}
