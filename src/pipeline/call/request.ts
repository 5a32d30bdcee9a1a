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

type Rewritten = { -readonly [Part in "body" | "facts" | "heldIds" | "losses"]: Request[Part] }
const rewriting = (request: Request): Rewritten => request

export class Request implements Asked {
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
  readonly #credential: Credential | null
  #shape: RequestShape | null = null
  #decoded: DecodedRequest | null = null
  #isSealed: boolean | null = null
  #conversation: ConversationKeys | null | undefined = undefined

  constructor(source: RequestSource, body: ScannedObject, facts: RequestFacts, heldIds: readonly HeldId[] | null) {
    this.dialect = source.dialect
    this.ts = source.ts
    this.headers = source.incoming.headers
    this.compacts = source.incoming.path.endsWith("/responses/compact")
    this.#credential = source.credential
    this.body = body
    this.facts = facts
    this.heldIds = heldIds
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
  get shape(): RequestShape {
    return (this.#shape ??= this.dialect.shapeOf(this.body))
  }

  /** The body holds reasoning that the router sealed. */
  get isSealed(): boolean {
    return (this.#isSealed ??= holdsEnvelope(this.body))
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
        body: this.body,
        headers: this.headers,
      })
    return this.#conversation
  }

  /** Decodes at most once, and never for a call whose bytes pass. @throws RouterError `invalid-request` with `param` */
  decode(): DecodedRequest {
    if (this.#decoded !== null) return this.#decoded
    const clientBody = parseExact(decoder.decode(this.body.bytes))
    if (!isObject(clientBody)) throw new RouterError("internal-error")
    const { request, losses } = CODECS[this.dialect.name].readRequest(clientBody)
    return (this.#decoded = { request, clientBody, losses })
  }

  /** The one way to change a body: all that was read from it is read anew. `losses`: what the change left out. */
  rewrite(body: ScannedObject, losses: readonly Loss[] = NO_LOSSES, heldIds: Request["heldIds"] = this.heldIds): void {
    const request = rewriting(this)
    request.body = body
    request.facts = this.dialect.peek(body)
    request.heldIds = heldIds
    request.losses = [...this.losses, ...losses]
    this.#shape = null
    this.#decoded = null
    this.#isSealed = null
  }
}
