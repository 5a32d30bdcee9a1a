/** One call: what stands fast when it begins, what its steps found out, and its life. Each fact is learnt once. */
import type { Credential, Group, Snapshot } from "../config/snapshot.ts"
import { type Dialect, NO_REQUEST_FACTS, type RequestFacts } from "../dialects/dialect.ts"
import type { Attempt } from "./call/attempt.ts"
import type { Caching } from "./call/caching.ts"
import { Hold } from "./call/hold.ts"
import { Life } from "./call/life.ts"
import { Notes } from "./call/notes.ts"
import type { CallRequest } from "./call/request.ts"
import type { Incoming } from "./message.ts"
import type { CallTrace } from "../telemetry/call-trace.ts"

/** A call whose caller is known. */
export type KnownCall = Call & { readonly credential: Credential }
/** A call whose body is here. */
export type ReceivedCall = KnownCall & { readonly request: CallRequest }
/** A call that its caller may make. */
export type AdmittedCall = ReceivedCall & { readonly group: Group }

type Learning = { -readonly [Part in "tracing" | "credential" | "hold" | "request" | "group" | "caching"]: Call[Part] }
const learning = (call: Call): Learning => call

export function isReceived(call: Call): call is ReceivedCall {
  return call.request !== null
}

export function isAdmitted(call: Call): call is AdmittedCall {
  return call.group !== null
}

export class Call {
  readonly id: string
  readonly dialect: Dialect
  readonly incoming: Incoming
  readonly snapshot: Snapshot
  /** Unix milliseconds. */
  readonly ts: number
  /** On the monotonic clock. */
  readonly startedAt: number
  /** The peer's address, or what a trusted proxy says; null when it is not stored. */
  readonly address: string | null
  readonly life: Life = new Life()
  readonly notes: Notes = new Notes()
  /** Null: nothing of the call is exported. */
  readonly tracing: CallTrace | null = null
  /** In the order in which targets were tried. */
  readonly attempts: Attempt[] = []
  readonly credential: Credential | null = null
  /** Null: its caller has no limits, or is not known. */
  readonly hold: Hold | null = null
  readonly request: CallRequest | null = null
  readonly group: Group | null = null
  /** Null: the call never meets the response cache. */
  readonly caching: Caching | null = null

  constructor(start: Pick<Call, "id" | "dialect" | "incoming" | "snapshot" | "ts" | "startedAt" | "address">) {
    this.id = start.id
    this.dialect = start.dialect
    this.incoming = start.incoming
    this.snapshot = start.snapshot
    this.ts = start.ts
    this.startedAt = start.startedAt
    this.address = start.address
  }

  learnTrace(trace: CallTrace): void {
    learning(this).tracing = trace
  }

  /** Its caller is known, and what it holds of the caller's limits is kept from now on. */
  learnCaller(credential: Credential): KnownCall {
    const { limits } = credential.caller
    const call = learning(this)
    call.credential = credential
    call.hold = limits === null ? null : new Hold(limits)
    return this as KnownCall
  }

  learnRequest(request: CallRequest): ReceivedCall {
    learning(this).request = request
    return this as ReceivedCall
  }

  learnGroup(group: Group): AdmittedCall {
    learning(this).group = group
    return this as AdmittedCall
  }

  learnCaching(caching: Caching): Caching {
    learning(this).caching = caching
    return caching
  }

  /** Those of a call without a body where it is not here. */
  get facts(): RequestFacts {
    return this.request?.facts ?? NO_REQUEST_FACTS
  }

  /** Of the request; null: there is no body. */
  get imageCount(): number | null {
    return this.request?.shape.imageCount ?? null
  }

  get bodyWaitMs(): number {
    return this.life.bodyWaitMs
  }

  /** The attempt that is on its way, or was the last. */
  get lastAttempt(): Attempt | null {
    return this.attempts.at(-1) ?? null
  }
}
