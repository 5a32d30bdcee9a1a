/** Step 1: whose call is it? */
import type { Credential, KeyStatus, Snapshot } from "../config/snapshot.ts"
import { RouterError, type ErrorCode } from "../errors.ts"
import { inSeconds } from "./intake/instant.ts"
import { partyOf } from "./intake/party.ts"
import { credentialWords } from "./intake/token-words.ts"
import type { ReadableHeaders } from "./message.ts"

const LONGEST_TOKEN = 4096

const REFUSALS: Readonly<Record<Exclude<KeyStatus, "active">, ErrorCode>> = {
  disabled: "key-disabled",
  suspended: "key-suspended",
  expired: "key-expired",
  rotated: "key-rotated",
}

/**
 * The credential of a call: `Authorization: Bearer` or `x-api-key`. Clients may send two different values;
 * then the one that is known counts.
 * @throws RouterError `unauthorized`, `ambiguous-credentials`, `key-*`
 */
export function authenticate(headers: ReadableHeaders, snapshot: Snapshot, nowMs: number): Credential {
  const credential = presentedBy(headers, snapshot)
  const { caller, expiresAt } = credential
  if (caller.status !== "active") throw new RouterError(REFUSALS[caller.status], { who: partyOf(credential) })
  if (expiresAt !== null && expiresAt <= nowMs)
    throw new RouterError("key-expired", {
      message: `This token expired at ${inSeconds(expiresAt)}.`,
      who: partyOf(credential),
    })
  return credential
}

interface Presented {
  readonly snapshot: Snapshot
  readonly credential: Credential
}

/** Clients keep connections, and a connection whose head repeats hands out the same headers: they are hashed once. */
const presented = new WeakMap<ReadableHeaders, Presented>()

function presentedBy(headers: ReadableHeaders, snapshot: Snapshot): Credential {
  const before = presented.get(headers)
  if (before?.snapshot === snapshot) return before.credential
  const bearer = credentialOf(bearerToken(headers.get("authorization")), snapshot)
  const apiKey = credentialOf(headers.get("x-api-key"), snapshot)
  if (bearer !== null && apiKey !== null && bearer.caller !== apiKey.caller)
    throw new RouterError("ambiguous-credentials")
  const credential = bearer ?? apiKey
  if (credential === null) {
    const message = credentialWords(headers.get("authorization"), headers.get("x-api-key"))
    throw new RouterError("unauthorized", { message })
  }
  presented.set(headers, { snapshot, credential })
  return credential
}

function bearerToken(header: string | null): string | null {
  if (header === null || header.length < 8) return null
  return header.slice(0, 7).toLowerCase() === "bearer " ? header.slice(7).trim() : null
}

function credentialOf(token: string | null, snapshot: Snapshot): Credential | null {
  if (token === null || token === "" || token.length > LONGEST_TOKEN) return null
  return snapshot.credentials.get(Bun.SHA256.hash(token, "hex")) ?? null
}
