/** What a model answered, and how a call fails. */

import type { Block } from "./block.ts"
import type { JsonObject } from "./json.ts"
import type { Extra } from "./origin.ts"
import { overflowIn, type Overflow } from "./overflow.ts"
import type { Stop } from "./stop.ts"
import type { Usage } from "./usage.ts"

/** How a reply begins. */
export interface Opening {
  /** As the upstream made it, "" where it made none. Writers mint their own ids and do not show this one. */
  readonly id: string
  /** The model that the upstream names, "" where it names none. */
  readonly model: string
  /** Unix seconds. */
  readonly created: number | null
}

/** A finished answer. Allowed in it: text, refusal, reasoning, tool-call, image and raw blocks. */
export interface Reply extends Opening {
  readonly blocks: readonly Block[]
  readonly stop: Stop
  /** null: the upstream reported none. */
  readonly usage: Usage | null
  /** The tier that served the call, where the upstream says. */
  readonly serviceTier?: string
  /** Fields that change what the answer means (`container`, `context_management`), never facts about serving it. */
  readonly extra?: Extra
}

/**
 * A failure in no vendor's words. `kind` decides the status and type that a client is shown; the vendor's own words
 * travel along, because agents heal themselves by matching them. Nothing in here may name a host or a key: the
 * pipeline masks before it hands a failure to a writer.
 */
export interface Failure {
  readonly kind: FailureKind
  /** HTTP status that it came with; null inside a stream. */
  readonly status: number | null
  readonly message: string
  /** The vendor's `error.type`. */
  readonly type?: string
  /** The vendor's `error.code` as text, or the router's own code. */
  readonly code?: string
  readonly param?: string
  readonly retryAfterS?: number
  /** Shown to the caller as `details`. */
  readonly details?: JsonObject
  /** The same request will not succeed later either. */
  readonly isFinal?: boolean
  /** Of a request that is too long, or asks for too much output. */
  readonly overflow?: Overflow
}

export type FailureKind =
  | "invalid-request"
  /** The conversation leaves no room for an answer. */
  | "context-too-long"
  /** The conversation fits, but not with the output that is asked for; or no answer may ever be so long. */
  | "output-too-long"
  | "unauthorized"
  | "forbidden"
  | "not-found"
  | "too-large"
  | "rate-limited"
  | "quota-exhausted"
  | "content-policy"
  | "overloaded"
  | "timeout"
  | "server"
  /** Not an answer of the dialect at all: HTML, an unrelated object, a stream that was cut. */
  | "protocol"

/** Kinds that a server may give a request that is too long. */
const VAGUE: ReadonlySet<FailureKind> = new Set<FailureKind>([
  "invalid-request",
  "too-large",
  "rate-limited",
  "overloaded",
  "server",
])

/** The same failure, as what it is where its words say that the request is too long. */
export function recognised(failure: Failure): Failure {
  if (!VAGUE.has(failure.kind)) return failure
  const { type = null, code = null, message } = failure
  const overflow = overflowIn({ type, code, message })
  if (overflow === null) return failure
  return { ...failure, kind: overflow.is === "prompt" ? "context-too-long" : "output-too-long", overflow }
}

/** The kind of an HTTP status, where the body does not tell more. */
export function failureKindOf(status: number): FailureKind {
  const known = KIND_OF_STATUS[status]
  if (known !== undefined) return known
  return status >= 500 ? "server" : "invalid-request"
}

const KIND_OF_STATUS: Readonly<Record<number, FailureKind>> = {
  401: "unauthorized",
  402: "quota-exhausted",
  403: "forbidden",
  404: "not-found",
  408: "timeout",
  413: "too-large",
  429: "rate-limited",
  503: "overloaded",
  504: "timeout",
  529: "overloaded",
}
