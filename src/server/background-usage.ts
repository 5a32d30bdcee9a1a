/** The row with the usage of a response that ran in the background: written once, whoever asks how often. */
import type { AnswerFacts } from "../dialects/dialect.ts"
import type { StoredPlace } from "../ledger/stored-state.ts"
import { Call } from "../pipeline/call.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { settle } from "../pipeline/settle.ts"

/**
 * Resolves when the row is durable; does nothing while the response has no usage yet.
 * @throws RouterError `usage-store-unavailable`
 */
export async function bookBackground(
  asked: Call,
  place: StoredPlace,
  hash: string,
  answer: AnswerFacts,
  gateway: Gateway,
): Promise<void> {
  if (answer.usage === null) return
  const { dialect, request, snapshot, ts, startedAt, address } = asked
  const call = new Call({ id: bookingId(place.request_id), dialect, request, snapshot, ts, startedAt, address })
  call.credential = credentialOf(place.caller_id, asked)
  call.group = asked.group
  call.facts = { ...asked.facts, model: place.resolved_group }
  call.attempts.push(...asked.attempts)
  call.answer = answer
  call.books = place.request_id
  gateway.active++
  await settle(call, gateway, { status: 200, error: null })
  // that the row exists already is known by its id; this only spares the next look
  await gateway.storedStates.booked(hash).catch(() => {})
}

/** Always the same for one response, so that it cannot be booked twice; of the time when it was asked for. */
function bookingId(requestId: string): string {
  const timeChars = "req_".length + 12
  const digest = new Bun.CryptoHasher("sha256").update(`usage of ${requestId}`).digest("hex")
  return requestId.slice(0, timeChars) + digest.slice(0, 20)
}

/** The caller who started it pays; where there is none of that name any more, the one who asks. */
function credentialOf(callerId: string, asked: Call): Call["credential"] {
  for (const credential of asked.snapshot.credentials.values()) if (credential.caller.id === callerId) return credential
  return asked.credential
}
