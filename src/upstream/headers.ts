/** Which headers go upstream and which come back: allow lists both ways. */
import { foreignId } from "../bounded-text.ts"
import type { Target } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/name.ts"
import { WIRES } from "../dialects/wires.ts"
import { isTelling, type Secrets } from "./mask.ts"

/** What means the same to every vendor. */
const TO_FOREIGN = ["idempotency-key"]

const IDEMPOTENCY_KEY = "idempotency-key"

/**
 * The client's headers that go with a call to this target; they come on top of the target's own. What a client says to
 * a vendor of its own dialect means nothing to another. `callerId`: all callers share the provider's key, so each has
 * idempotency keys of its own.
 */
export function forwardedHeaders(
  client: ReadableHeaders,
  dialect: DialectName,
  target: Target,
  callerId: string,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  const said = (name: string): string | null => {
    const value = client.get(name)
    return value === null || name !== IDEMPOTENCY_KEY ? value : `${markOf(callerId, target)}-${value}`
  }
  const { forwardedHeaders: toOwn, versionHeader: version } = WIRES[target.dialect]
  for (const name of dialect === target.dialect ? toOwn : TO_FOREIGN) {
    const value = said(name)
    if (value !== null) headers[name] = value
  }
  for (const name of target.provider.forwardHeaders) {
    const value = !Object.hasOwn(target.headers, name) ? said(name) : null
    if (value !== null) headers[name] = value
  }
  if (version !== null && target.headers[version.name] === undefined) headers[version.name] ??= version.oldest
  return headers
}

const MARK_CHARS = 16

/**
 * Stands for the caller at this provider, in every process and after every restart. The key of the hash is the credential,
 * which the provider knows anyway: to others, and among providers, the marks of a caller say nothing.
 */
function markOf(callerId: string, { headers, provider }: Target): string {
  const credential = headers["authorization"] ?? headers["x-api-key"] ?? provider.name
  return new Bun.CryptoHasher("sha256", credential).update(callerId).digest("hex").slice(0, MARK_CHARS)
}

interface ReadableHeaders {
  get(name: string): string | null
}

/** https://www.rfc-editor.org/rfc/rfc9110#name-media-type, with parameters that are tokens or quoted words */
const MEDIA_TYPE =
  /^[\w.+*-]{1,64}\/[\w.+*-]{1,64}(?:[ \t]*;[ \t]*[\w-]{1,32}=(?:[\w.:+-]{1,64}|"[ !#-[\]-~]{0,64}"))*$/
/** Most answers have one of these. */
const USUAL_TYPES: ReadonlySet<string> = new Set([
  "application/json",
  "application/json; charset=utf-8",
  "text/event-stream",
  "text/event-stream; charset=utf-8",
])
const LONGEST_MEDIA_TYPE = 200
/** Visible ASCII, as clients give it back in a request's head. */
const TURN_STATE = /^[!-~]{1,8192}$/

/**
 * Everything else that an upstream sends stays here; its request id is recorded, not forwarded. A value of another form,
 * or with one of `secrets` in it, stays here too.
 */
export function copyResponseHeaders(upstream: ReadableHeaders, secrets: Secrets, into: Record<string, string>): void {
  const type = upstream.get("content-type")
  if (type !== null && USUAL_TYPES.has(type)) into["content-type"] = type
  else if (type !== null && type.length <= LONGEST_MEDIA_TYPE && MEDIA_TYPE.test(type) && !isTelling(type, secrets))
    into["content-type"] = type
  const state = upstream.get("x-codex-turn-state")
  if (state !== null && TURN_STATE.test(state) && !isTelling(state, secrets)) into["x-codex-turn-state"] = state
}

export function upstreamRequestId(upstream: ReadableHeaders): string | null {
  const id = upstream.get("x-request-id") ?? upstream.get("request-id")
  return id === null ? null : foreignId(id)
}

/** `?beta=true` in a request's path and query: it means something to dialects with betas only, other queries go nowhere. */
export function asksForBeta(target: string): boolean {
  return /[?&]beta=true(?:&|$)/.test(target)
}
