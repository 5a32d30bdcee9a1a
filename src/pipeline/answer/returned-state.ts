/**
 * Ids of state at a provider that an answer hands out, recorded with the call before the answer's end leaves: a later
 * call of the same project may point with them. Only answers in the client's own dialect hand out any.
 */
import type { Loose } from "../../dialects/loose.ts"
import type { StoredId } from "../../dialects/stored-ids.ts"
import type { StoredStateRow } from "../../ledger/record.ts"
import { STORED_STATE_LIFETIME_MS } from "../../ledger/stored-state.ts"
import type { FailureClass } from "../../upstream/failure.ts"
import type { ReturnRule } from "../apart/judged-answer.ts"
import type { ReceivedCall } from "../call.ts"
import type { Attempt } from "../call/attempt.ts"
import type { AnswerEnd } from "../call/outcome.ts"
import { hashOf } from "../targets/held-state.ts"

/** An answer that lists more than this is none that anybody goes on from. */
const MOST_IDS = 256
const NONE: readonly StoredId[] = []

/** Which ids a whole answer may hand out. */
export function returnRule(attempt: Attempt, call: ReceivedCall): ReturnRule {
  if (!isAtHome(attempt, call)) return "none"
  return call.dialect.stored.isKept(call.request.body) ? "kept" : "named"
}

/** Of as much of a stream as came. */
export function returnedInStream(answer: Loose, attempt: Attempt, call: ReceivedCall): readonly StoredId[] {
  if (!isAtHome(attempt, call)) return NONE
  const { stored } = call.dialect
  return stored.returned(answer, stored.isKept(call.request.body))
}

/** What the router wrote anew has ids of its own. */
function isAtHome({ translation, target }: Attempt, { dialect }: ReceivedCall): boolean {
  return translation === null && target.dialect === dialect.name
}

/** Undefined: none. */
export function storedRows(call: ReceivedCall, answer: AnswerEnd): readonly StoredStateRow[] | undefined {
  const { storedIds, attempt } = answer
  const { credential } = call
  if (storedIds.length === 0 || attempt === null) return undefined
  const { target } = attempt
  const isPending = isUsagePending(call, answer)
  const rows = storedIds.slice(0, MOST_IDS).map((stored): StoredStateRow => ({
    id_sha256: hashOf(call, stored),
    request_id: call.id,
    caller_id: credential.caller.id,
    provider: target.provider.name,
    model: target.model,
    dialect: target.dialect,
    resolved_group: call.group?.name ?? "",
    expires_at: call.ts + STORED_STATE_LIFETIME_MS,
    usage_pending: isPending && stored.kind === "response" ? 1 : 0,
  }))
  return [...new Map(rows.map((row) => [row.id_sha256, row])).values()]
}

/** As `/v1/responses/{id}` takes them: whatever an upstream says, it stays one part of a path. */
export const RESPONSE_ID: RegExp = /^[\w-][\w.-]{0,255}$/

/** The answer is made in the background: what it uses is told when somebody reads its end, by this id. */
export function isUsagePending(call: ReceivedCall, answer: AnswerEnd): boolean {
  if (answer.facts.usage !== null || !call.request.runsInBackground) return false
  return (answer.isWhole || isCutOff(answer)) && backgroundId(answer) !== null
}

/** Null: the answer cannot be asked for again. */
export function backgroundId({ storedIds }: AnswerEnd): string | null {
  const id = storedIds.find(({ kind }) => kind === "response")?.id
  return id !== undefined && RESPONSE_ID.test(id) ? id : null
}

/** The stream broke off without the upstream saying that its answer failed: it is still being made. */
function isCutOff({ attempt }: AnswerEnd): boolean {
  const failure = attempt?.failure ?? null
  return failure === null || CUT_OFF.has(failure.class)
}

const CUT_OFF: ReadonlySet<FailureClass> = new Set(["stream_broken", "network", "timeout", "client_cancel"])
