/** What is said of a call whose attempts all failed. */
import { RouterError, type ErrorCode } from "../errors.ts"
import { CLIENT_LEFT } from "../upstream/failure.ts"
import type { Attempt } from "./call.ts"

/** What the caller is told when every attempt failed: the common reason, or that the upstream failed. */
export function exhausted(attempts: readonly Attempt[]): RouterError {
  const last = attempts.at(-1)
  if (last === undefined || last.failure === CLIENT_LEFT) return new RouterError("client-closed")
  const codes = new Set(attempts.map((tried) => tried.failure?.code))
  const decisive = last.failure?.failover === false || codes.size === 1
  const code: ErrorCode = decisive ? (last.failure?.code ?? "upstream-failed") : "upstream-failed"
  return new RouterError(code, {
    status: last.failure?.relay === true && last.status !== null ? last.status : undefined,
    retryAfterS: retryAfterSeconds(code, attempts),
    details: { attempts: attempts.length, error_class: last.failure?.class, upstream_status: last.status },
    headers: {
      ...(last.failure === null ? {} : { "x-router-error-class": last.failure.class }),
      ...(last.status === null ? {} : { "x-upstream-status": String(last.status) }),
    },
  })
}

/** 503s may pass: the shortest wait that an upstream named, within what agents accept. */
function retryAfterSeconds(code: ErrorCode, attempts: readonly Attempt[]): number | undefined {
  if (!["upstream-rate-limited", "upstream-quota-exhausted", "upstream-access-denied"].includes(code)) return undefined
  const named = attempts.map((tried) => tried.retryAfterMs).filter((wait) => wait !== null)
  const seconds = named.length === 0 ? 1 : Math.ceil(Math.min(...named) / 1000)
  return Math.min(60, Math.max(1, seconds))
}
