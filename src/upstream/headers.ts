/** Which headers go upstream and which come back: allow lists both ways. */
import type { Target } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/dialect.ts"

const TO_OPENAI = ["openai-beta", "x-openai-internal-codex-responses-lite", "x-codex-turn-state", "idempotency-key"]
const TO_ANTHROPIC = ["anthropic-version", "anthropic-beta", "x-codex-turn-state", "idempotency-key"]
/** What means the same to every vendor. */
const TO_FOREIGN = ["idempotency-key"]
const OLDEST_ANTHROPIC_VERSION = "2023-06-01"

/**
 * The client's headers that go with a call to this target; they come on top of the target's own. What a client says to
 * a vendor of its own dialect means nothing to another.
 */
export function forwardedHeaders(
  client: ReadableHeaders,
  dialect: DialectName,
  target: Target,
): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {}
  const anthropic = target.dialect === "anthropic"
  for (const name of dialect !== target.dialect ? TO_FOREIGN : anthropic ? TO_ANTHROPIC : TO_OPENAI) {
    const value = client.get(name)
    if (value !== null) headers[name] = value
  }
  for (const name of target.provider.forwardHeaders) {
    const value = target.headers[name] === undefined ? client.get(name) : null
    if (value !== null) headers[name] = value
  }
  if (anthropic && target.headers["anthropic-version"] === undefined)
    headers["anthropic-version"] ??= OLDEST_ANTHROPIC_VERSION
  return headers
}

interface ReadableHeaders {
  get(name: string): string | null
}

/** Everything else that an upstream sends stays here; its request id is recorded, not forwarded. */
const BACK = ["content-type", "x-codex-turn-state"]

export function copyResponseHeaders(upstream: ReadableHeaders, into: Record<string, string>): void {
  for (const name of BACK) {
    const value = upstream.get(name)
    // an upstream must not write header lines of its own
    if (value !== null) into[name] = value.replace(/[^\t\x20-\x7e\x80-\xff]/g, "")
  }
}

export function upstreamRequestId(upstream: ReadableHeaders): string | null {
  return (upstream.get("x-request-id") ?? upstream.get("request-id"))?.slice(0, 128) ?? null
}

/** `?beta=true` in a request's path and query: it means something to Anthropic's API only, other queries go nowhere. */
export function asksForBeta(target: string): boolean {
  return /[?&]beta=true(?:&|$)/.test(target)
}
