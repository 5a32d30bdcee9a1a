/** Work on what is large, beside the event loop. */
import type { ErrorCode } from "../../error-catalogue.ts"
import { RouterError, type ErrorDetail } from "../../errors.ts"
import type { JOBS } from "./jobs.ts"

export type JobName = keyof typeof JOBS
export type Order<Name extends JobName> = Parameters<(typeof JOBS)[Name]>[1]
export type Result<Name extends JobName> = ReturnType<(typeof JOBS)[Name]>

export interface Apart {
  /**
   * Does a job of `jobs.ts` on bytes in pieces, which stay as they are. `owner`: the id of the caller whose work it is.
   * Rejects with what the job throws, and with RouterError `overloaded` where too much waits, of one caller or in all.
   */
  run<Name extends JobName>(
    name: Name,
    owner: string,
    pieces: readonly Uint8Array[],
    order: Order<Name>,
  ): Promise<Result<Name>>
}

/** An error of the catalogue, as plain values. */
export interface ToldError {
  readonly code: ErrorCode
  readonly detail: ErrorDetail
}

export function tellError({ code, detail }: RouterError): ToldError {
  const { cause: _, ...plain } = detail
  return { code, detail: plain }
}

export function errorOf({ code, detail }: ToldError): RouterError {
  return new RouterError(code, detail)
}
