/** The only error that is thrown on purpose: an entry of the catalogue. Each dialect renders it in its own shape. */
import { errorMessage, errorParam } from "./bounded-text.ts"
import { CATALOGUE, type ErrorCode } from "./error-catalogue.ts"
import type { Blame } from "./error-entry.ts"
import type { Party } from "./party.ts"

const DEFAULT_RETRY_AFTER_S = 5

/** What an error may carry beyond its code. Everything here but `who` reaches the caller: no hosts, keys, prompts or upstream bodies. */
export interface ErrorDetail {
  /** A sentence for this occurrence; the catalogue's own otherwise. */
  readonly message?: string | undefined
  /** Path to the fault inside the body, e.g. `messages[2].content`. */
  readonly param?: string | undefined
  /** Overrides the catalogue's status, e.g. 503 for `no-eligible-target` when only health excludes targets. */
  readonly status?: number | undefined
  /** Seconds, 1 to 60; sent as `Retry-After`. */
  readonly retryAfterS?: number | undefined
  /** Overrides the catalogue's rule for `x-should-retry: false`. */
  readonly retryable?: boolean | undefined
  /** Overrides the catalogue's, for records. */
  readonly blame?: Blame | undefined
  readonly details?: Readonly<Record<string, unknown>> | undefined
  /** Members that stand directly in `error`, beside the request id. */
  readonly fields?: Readonly<Record<string, unknown>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly cause?: unknown
  /** Whom a refusal is about, for the record of refusals. The one member that is shown to nobody. */
  readonly who?: Party | undefined
}

/** The only error that is thrown on purpose. It becomes a response in one place, in the client's dialect. */
export class RouterError extends Error {
  readonly code: ErrorCode
  readonly status: number
  readonly retryable: boolean
  /** Sent as `Retry-After`; null: not sent. A 503 that may pass always says when. */
  readonly retryAfterS: number | null
  readonly detail: ErrorDetail

  constructor(code: ErrorCode, detail: ErrorDetail = {}) {
    const cause = detail.cause === undefined ? undefined : { cause: detail.cause }
    super(errorMessage(detail.message ?? CATALOGUE[code].message), cause)
    this.name = "RouterError"
    this.code = code
    this.status = detail.status ?? CATALOGUE[code].status
    this.retryable = detail.retryable ?? CATALOGUE[code].retryable
    this.retryAfterS = detail.retryAfterS ?? (this.status === 503 && this.retryable ? DEFAULT_RETRY_AFTER_S : null)
    this.detail = detail.param === undefined ? detail : { ...detail, param: errorParam(detail.param) }
  }

  get blame(): Blame {
    return this.detail.blame ?? CATALOGUE[this.code].blame
  }
}

/** The member of an error body that leads to the code's entry in the page about errors. */
export function docUrl({ code }: RouterError, page: string | null): { readonly doc_url?: string } {
  return page === null ? {} : { doc_url: `${page}#${code}` }
}

/** Any thrown value as a catalogue entry; what is unknown is `internal-error` and keeps its cause for the log. */
export function asRouterError(thrown: unknown): RouterError {
  return thrown instanceof RouterError ? thrown : new RouterError("internal-error", { cause: thrown })
}
