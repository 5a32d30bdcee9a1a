/** What a caller is told when a limit refuses its call. */
import type { DialectName } from "../../dialects/name.ts"
import { WIRES } from "../../dialects/wires.ts"
import type { ErrorCode } from "../../error-catalogue.ts"
import { RouterError } from "../../errors.ts"
import { CHECK_FACTS, isMoney, isPeriodic, type CheckKind } from "../../governance/check-kinds.ts"
import type { LimitState, Refusal } from "../../governance/state.ts"
import { inSeconds } from "../intake/instant.ts"

/** Who is refused, as far as the words depend on it. */
export interface Asker {
  readonly dialect: DialectName
  readonly isCodex: boolean
  /** The field by which a client of the dialect asks for less output. */
  readonly capField: string
  /** The target whose price was reserved; null: unknown, or not to be named. */
  readonly dearest: string | null
  /** Other groups of the caller that cost nothing. */
  readonly free: readonly string[]
}

interface Words {
  readonly code: ErrorCode
  /** The key of the configuration that says it. */
  readonly limit: string
}

const WORDS: Readonly<Record<CheckKind, Words>> = {
  concurrent: { code: "concurrency-exceeded", limit: "rate.concurrent" },
  request_start: { code: "traffic-shaped", limit: "request_start_per_sec" },
  rpm: { code: "rpm-exceeded", limit: "rate.rpm" },
  tpm: { code: "tpm-exceeded", limit: "rate.tpm" },
  day_requests: { code: "quota-exhausted", limit: "quota.day.requests" },
  day_tokens: { code: "quota-exhausted", limit: "quota.day.tokens" },
  month_requests: { code: "quota-exhausted", limit: "quota.month.requests" },
  month_tokens: { code: "quota-exhausted", limit: "quota.month.tokens" },
  lifetime_tokens: { code: "key-exhausted", limit: "key.lifetime_tokens" },
  day_nano_usd: { code: "spend-exhausted", limit: "spend.day_usd" },
  month_nano_usd: { code: "spend-exhausted", limit: "spend.month_usd" },
  input_tokens: { code: "traffic-shaped", limit: "input_tokens_per_sec" },
  output_reservation_tokens: { code: "traffic-shaped", limit: "output_reservation_tokens_per_sec" },
  total_reserved_tokens: { code: "traffic-shaped", limit: "total_reserved_tokens_per_sec" },
}

const NANO = 1e9
/** Agents give up above this. */
const LONGEST_RETRY_S = 60

/** The name of a limit, as the configuration has it. */
export function limitName(kind: CheckKind): string {
  return WORDS[kind].limit
}

/** The label of a token bucket in errors and rows. */
export function bucketName({ subject, check }: Refusal): string {
  return `${subject.scope}.${WORDS[check.kind].limit}`
}

export function limitRefusal(refusal: Refusal, asker: Asker, nowMs: number): RouterError {
  const { code } = WORDS[refusal.check.kind]
  if (code === "traffic-shaped") return shaped(refusal)
  const isBudget = code === "quota-exhausted" || code === "spend-exhausted" || code === "key-exhausted"
  const spent = isBudget && !isHeld(refusal)
  const retryAfterS = retryAfterSeconds(refusal, spent, asker.dialect, nowMs)
  return new RouterError(code, {
    message: `${message(refusal)} ${advice(refusal, spent, asker, retryAfterS)}`.trimEnd(),
    // the lifetime budget too: what is only held comes back
    status: isBudget && !spent ? 429 : undefined,
    retryable: !spent && fitsAtAll(refusal),
    retryAfterS,
    details: details(refusal),
    fields: spent && asker.isCodex ? codexFields(refusal) : undefined,
  })
}

/** Codex shows no message of a 429, but knows these two, and when the first ends (Unix seconds). */
function codexFields(refusal: Refusal): Readonly<Record<string, unknown>> {
  const { resetsAt } = refusal
  if (resetsAt === null || !fitsAtAll(refusal)) return { type: "insufficient_quota" }
  return { type: "usage_limit_reached", resets_at: Math.ceil(resetsAt / 1000) }
}

/** Nothing but what calls in flight hold stands in the way: they will use less, or end. */
function isHeld({ check, used, requested }: Refusal): boolean {
  return used + requested <= check.limit
}

/** Nothing fits into what is used up, and no call is less than one. */
function canFitSmaller({ check, used, requested }: Refusal): boolean {
  return used < check.limit && requested > 1
}

/** A single call above the limit never passes. */
function fitsAtAll({ check, requested }: Refusal): boolean {
  return requested <= check.limit
}

function retryAfterSeconds(
  refusal: Refusal,
  isSpent: boolean,
  dialect: DialectName,
  nowMs: number,
): number | undefined {
  const { retryAfterMs, resetsAt } = refusal
  const fits = fitsAtAll(refusal)
  if (!isSpent) return bounded((retryAfterMs ?? LONGEST_RETRY_S * 1000) / 1000)
  // Codex would sleep until then
  if (resetsAt === null || WIRES[dialect].isOfCodex || !fits) return undefined
  return Math.max(1, Math.ceil((resetsAt - nowMs) / 1000))
}

function bounded(seconds: number): number {
  return Math.min(LONGEST_RETRY_S, Math.max(1, Math.ceil(seconds)))
}

function details(refusal: Refusal): Readonly<Record<string, unknown>> {
  const { check, subject, used, reserved, requested, resetsAt } = refusal
  const fits = fitsAtAll(refusal)
  const inUnit = (amount: number): number => (isMoney(check.kind) ? amount / NANO : amount)
  return {
    scope: subject.scope,
    limit: WORDS[check.kind].limit,
    limit_value: inUnit(check.limit),
    used: inUnit(used),
    reserved: inUnit(reserved),
    remaining: inUnit(Math.max(0, check.limit - used - reserved)),
    requested: inUnit(requested),
    ...(fits ? {} : { larger_than_limit: true }),
    ...(resetsAt === null || !fits ? {} : { resets_at: new Date(resetsAt).toISOString() }),
    ...stateDetails(refusal),
  }
}

function stateDetails(refusal: Refusal): Readonly<Record<string, unknown>> {
  const { kind } = refusal.check
  if (CHECK_FACTS[kind].over === "lifetime") return { router_key_state: stateOf(refusal) }
  return isPeriodic(kind) ? { router_quota_state: stateOf(refusal) } : {}
}

/** A call that no amount of room would serve says nothing about how much there is. */
function stateOf(refusal: Refusal): LimitState {
  const { check, used, reserved } = refusal
  if (used >= check.limit) return "exhausted"
  return fitsAtAll(refusal) || used + reserved >= check.softLimit ? "warning" : "ok"
}

function message(refusal: Refusal): string {
  const { check, subject, used, reserved, requested } = refusal
  const { limit } = WORDS[check.kind]
  const shown = (amount: number): string => (isMoney(check.kind) ? `${amount / NANO} USD` : String(amount))
  if (!fitsAtAll(refusal))
    return `This call is larger than the whole limit ${limit} of this ${subject.scope}: it needs up to ${shown(requested)}, and the limit is ${shown(check.limit)}.`
  const held = reserved > 0 ? `, ${shown(reserved)} held by calls in flight` : ""
  return `The limit ${limit} of this ${subject.scope} is ${shown(check.limit)}: ${shown(used)} used${held}, and this call needs up to ${shown(requested)}.`
}

/** Until when, and what to do meanwhile. */
function advice(refusal: Refusal, isSpent: boolean, asker: Asker, retryAfterS: number | undefined): string {
  const { check, resetsAt } = refusal
  if (!fitsAtAll(refusal)) {
    const dearest = asker.dearest === null ? "" : ` Its price is that of the dearest target, ${asker.dearest}.`
    return `Ask for less output (\`${asker.capField}\`) or send less.${isMoney(check.kind) ? dearest : ""}`
  }
  if (!isSpent) return retryAfterS === undefined ? "" : `Try again in ${retryAfterS} s.`
  if (resetsAt === null) return "It does not come back: the token needs a larger limit, or another token is needed."
  const free = isMoney(check.kind) && asker.free.length > 0
  const elsewhere = free ? ` Until then these model groups cost nothing: ${asker.free.join(", ")}.` : ""
  const before = canFitSmaller(refusal) ? "; a smaller call may fit before" : ""
  return `It counts anew from ${inSeconds(resetsAt)}${before}.${elsewhere}`
}

function beyond({ check, subject, requested }: Refusal): string {
  return `This call asks for up to ${requested} of what ${WORDS[check.kind].limit} of this ${subject.scope} limits to ${check.perSecond} a second, with a burst of ${check.limit}: it would take more than an hour to make up for it. Ask for less output, or send less.`
}

/** Its fields stand directly in `error`. */
function shaped(refusal: Refusal): RouterError {
  const isBeyond = refusal.retryAfterMs === null
  const retryAfterS = bounded((refusal.retryAfterMs ?? LONGEST_RETRY_S * 1000) / 1000)
  return new RouterError("traffic-shaped", {
    ...(isBeyond ? { message: beyond(refusal), retryable: false } : {}),
    retryAfterS,
    fields: { retry_after_seconds: retryAfterS, bucket: bucketName(refusal) },
  })
}
