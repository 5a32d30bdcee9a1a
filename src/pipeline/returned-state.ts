/**
 * Ids of state at a provider that an answer hands out, recorded with the call before the answer's end leaves: a later
 * call of the same project may point with them. Only answers in the client's own dialect hand out any.
 */
import type { StoredId } from "../dialects/stored-ids.ts"
import type { Loose } from "../dialects/loose.ts"
import { STORED_STATE_LIFETIME_MS } from "../ledger/stored-state.ts"
import type { StoredStateRow } from "../ledger/record.ts"
import type { FailureClass } from "../upstream/failure.ts"
import type { ReturnRule } from "./apart/judged-answer.ts"
import type { Call } from "./call.ts"
import { hashOf } from "./held-state.ts"

/** An answer that lists more than this is none that anybody goes on from. */
const MOST_IDS = 256
const NONE: readonly StoredId[] = []

/** Which ids a whole answer may hand out. */
export function returnRule(call: Call): ReturnRule {
  if (!isAtHome(call)) return "none"
  return call.body !== null && call.dialect.stored.isKept(call.body) ? "kept" : "named"
}

/** Of as much of a stream as came. */
export function returnedInStream(answer: Loose, call: Call): readonly StoredId[] {
  if (!isAtHome(call) || call.body === null) return NONE
  const { stored } = call.dialect
  return stored.returned(answer, stored.isKept(call.body))
}

/** What the router wrote anew has ids of its own. */
function isAtHome({ current, dialect }: Call): boolean {
  return current?.translation === null && current.target.dialect === dialect.name
}

/** Undefined: none. */
export function storedRows(call: Call): readonly StoredStateRow[] | undefined {
  const target = call.current?.target
  const { credential } = call
  if (call.returnedIds.length === 0 || credential === null || target === undefined) return undefined
  const isPending = isUsagePending(call)
  const rows = call.returnedIds.slice(0, MOST_IDS).map((stored): StoredStateRow => ({
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

const TRUE = 116
/** As `/v1/responses/{id}` takes them: whatever an upstream says, it stays one part of a path. */
export const RESPONSE_ID: RegExp = /^[\w-][\w.-]{0,255}$/

/** The answer is made in the background: what it uses is told when somebody reads its end, by this id. */
export function isUsagePending(call: Call): boolean {
  if (call.answer.usage !== null || !runsInBackground(call)) return false
  return (call.answered || isCutOff(call)) && backgroundId(call) !== null
}

/** Null: the answer cannot be asked for again. */
export function backgroundId({ returnedIds }: Call): string | null {
  const id = returnedIds.find(({ kind }) => kind === "response")?.id
  return id !== undefined && RESPONSE_ID.test(id) ? id : null
}

/** The stream broke off without the upstream saying that its answer failed: it is still being made. */
function isCutOff({ current }: Call): boolean {
  const failure = current?.failure ?? null
  return failure === null || CUT_OFF.has(failure.class)
}

const CUT_OFF: ReadonlySet<FailureClass> = new Set(["stream_broken", "network", "timeout", "client_cancel"])

export function runsInBackground({ body, dialect }: Call): boolean {
  if (body === null || dialect.name !== "openai-responses") return false
  return body.members.some(({ key, start }) => key === "background" && body.bytes[start] === TRUE)
}
