/** Who was refused in the sample month, and what its administrators did. */
import { CATALOGUE, type ErrorCode } from "../errors.ts"
import { emptyRow } from "../ledger/column.ts"
import type { SecurityEvent } from "../ledger/security-events.ts"
import { SECURITY_ACCESS_EVENTS } from "../ledger/tables/security.ts"
import { PROGRAMS, type SampleProgram } from "./company.ts"
import { between, type Draw, draws, oneOf } from "./draws.ts"
import { SAMPLE_ENVIRONMENT, SAMPLE_VERSION } from "./mark.ts"
import { sampleRequestId } from "./record.ts"
import { DAY_MS, DAYS, HOUR_MS, storyUntil } from "./story.ts"

export interface SampleSecurityEvent {
  /** Unix milliseconds. */
  readonly ts: number
  /** How often it happened in this minute. */
  readonly times: number
  readonly event: SecurityEvent
}

type Facts = Omit<SecurityEvent, "request_id">

const EMPTY: Facts = {
  ...emptyRow(SECURITY_ACCESS_EVENTS),
  http_method: "POST",
  auth_source: "token",
  // of strangers there is nothing else that could say it
  client: SAMPLE_VERSION,
}
const CALLS = { surface: "calls", path_template: "/v1/chat/completions" } as const
/** Addresses for documentation (RFC 5737). */
const STRANGER = "203.0.113.77"

/** Somebody tries tokens on this day, counted from the first one. */
const PROBED_DAY = 18
const PROBED_MINUTES = 9
/** A program goes on with a token that has expired. */
const EXPIRED_DAY = 6

/** In the order of time. */
export function sampleSecurityEvents(endMs: number, seed: number = 1): readonly SampleSecurityEvent[] {
  const { startMs } = storyUntil(endMs)
  const draw = draws(seed * 7919)
  const events: Omit<SampleSecurityEvent, "times">[] = []
  for (let day = 0; day < DAYS; day += 1) {
    const dayMs = startMs + day * DAY_MS
    const at = (hour: number): number => Math.floor(dayMs + hour * HOUR_MS + draw() * HOUR_MS)
    const add = (ts: number, facts: Facts): void => {
      events.push({ ts, event: { ...facts, request_id: sampleRequestId(ts, events.length) } })
    }
    add(at(8), signIn("allowed"))
    if (draw() < 0.3) add(at(9), signIn("denied"))
    if (draw() < 0.4) add(at(11), refused("model", "model-not-allowed", oneOf(PROGRAMS, draw)))
    if (draw() < 0.2) add(at(15), refused("metrics", "metrics-forbidden", oneOf(PROGRAMS, draw)))
    if (day === EXPIRED_DAY) for (let hour = 7; hour < 11; hour += 1) add(at(hour), expired())
    if (day === PROBED_DAY)
      for (let minute = 0; minute < PROBED_MINUTES; minute += 1) add(dayMs + 3 * HOUR_MS + minute * 60_000, unknown())
  }
  const timed = events.map((event) => ({ ...event, times: timesOf(event.event, draw) }))
  return timed.toSorted((one, other) => one.ts - other.ts)
}

function timesOf({ ip_address }: SecurityEvent, draw: Draw): number {
  return ip_address === STRANGER ? Math.floor(between(draw, 20, 60)) : 1
}

function signIn(outcome: "allowed" | "denied"): Facts {
  const denied = { reason_code: "unauthorized", status_code: CATALOGUE.unauthorized.status, auth_source: "none" }
  return {
    ...EMPTY,
    event_type: "admin",
    outcome,
    surface: "admin",
    path_template: "/admin/reports",
    http_method: "GET",
    ...(outcome === "allowed"
      ? { status_code: 200, auth_source: "basic", admin_subject: `${SAMPLE_ENVIRONMENT}auditor`, admin_domain: "*" }
      : denied),
  }
}

function refused(kind: "model" | "metrics" | "credential", code: ErrorCode, by: SampleProgram): Facts {
  const metrics = { surface: "metrics", path_template: "/metrics", http_method: "GET" } as const
  return {
    ...EMPTY,
    ...(kind === "metrics" ? metrics : CALLS),
    event_type: kind,
    outcome: "denied",
    reason_code: code,
    status_code: CATALOGUE[code].status,
    caller_id: by.id,
    caller_user: by.user,
    caller_project: by.project,
    caller_environment: by.environment,
    token_id: by.tokenId,
    requested_model: kind === "model" ? "vision" : null,
  }
}

function expired(): Facts {
  const by = PROGRAMS.find(({ id }) => id === "notebooks")
  if (by === undefined) throw new Error("the company has notebooks")
  return refused("credential", "key-expired", by)
}

function unknown(): Facts {
  const code = "unauthorized"
  const { status } = CATALOGUE[code]
  const facts = { event_type: "credential", outcome: "denied", reason_code: code, status_code: status } as const
  return { ...EMPTY, ...CALLS, ...facts, auth_source: "none", ip_address: STRANGER }
}
