/** What the caller is told when every attempt failed. */
import type { ErrorCode } from "../../error-catalogue.ts"
import { RouterError, type ErrorDetail } from "../../errors.ts"
import type { AttemptFailure } from "../../upstream/failure.ts"
import type { Attempt } from "../call/attempt.ts"

/** The common reason, or that the upstream failed. */
export function exhausted(attempts: readonly Attempt[]): RouterError {
  const last = attempts.at(-1)
  const failure = last?.failure ?? null
  if (last === undefined || failure?.class === "client_cancel") return new RouterError("client-closed")
  const codes = new Set(attempts.map((tried) => tried.failure?.code))
  const decisive = failure?.failover === false || codes.size === 1
  const code: ErrorCode = decisive ? (failure?.code ?? "upstream-failed") : "upstream-failed"
  return new RouterError(code, {
    ...(decisive && failure !== null ? toldOf(failure) : {}),
    status: failure?.relay === true && last.status !== null ? last.status : undefined,
    retryAfterS: retryAfterSeconds(code, attempts),
    details: {
      attempts: attempts.length,
      error_class: failure?.class,
      reason: failure?.reason,
      upstream_status: last.status,
    },
    headers: {
      ...(failure === null ? {} : { "x-router-error-class": failure.class }),
      ...(last.status === null ? {} : { "x-upstream-status": String(last.status) }),
    },
  })
}

/** In place of the catalogue's sentence and blame, which speak of the router's own refusals, or of a model. */
export function toldOf({ reason, relay }: AttemptFailure): Pick<ErrorDetail, "message" | "blame" | "retryable"> {
  if (reason === "path-not-found")
    return { message: "The upstream has no such path: its address in the router's configuration is wrong." }
  if (reason === "request-too-large") return { message: "The upstream refuses the request as too large." }
  if (reason === "conflict") return { message: "The upstream says that another call is in the way.", retryable: true }
  if (reason === "field-refused")
    return { message: "The upstream refuses a field that the router wrote.", blame: "operator" }
  if (reason === "request-refused" && relay) return { message: "The upstream refuses the request as not valid." }
  return {}
}

/** 503s may pass: the shortest wait that an upstream named, within what agents accept. */
function retryAfterSeconds(code: ErrorCode, attempts: readonly Attempt[]): number | undefined {
  if (!["upstream-rate-limited", "upstream-quota-exhausted", "upstream-access-denied"].includes(code)) return undefined
  const named = attempts.map((tried) => tried.retryAfterMs).filter((wait) => wait !== null)
  const seconds = named.length === 0 ? 1 : Math.ceil(Math.min(...named) / 1000)
  return Math.min(60, Math.max(1, seconds))
}
