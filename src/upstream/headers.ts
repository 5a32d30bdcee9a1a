/** Which headers go upstream and which come back: allow lists both ways. */
import type { Target } from "../config/snapshot.ts"

const TO_OPENAI = ["openai-beta", "x-openai-internal-codex-responses-lite", "x-codex-turn-state", "idempotency-key"]
const TO_ANTHROPIC = ["anthropic-version", "anthropic-beta", "x-codex-turn-state", "idempotency-key"]
const OLDEST_ANTHROPIC_VERSION = "2023-06-01"

/** The target's own headers and those of the client's that may go with them. */
export function requestHeaders(client: Headers, target: Target): Readonly<Record<string, string>> {
  let headers = target.headers
  const take = (name: string): void => {
    const value = client.get(name)
    if (value !== null) headers = { ...headers, [name]: value }
  }
  const anthropic = target.dialect === "anthropic"
  for (const name of anthropic ? TO_ANTHROPIC : TO_OPENAI) take(name)
  for (const name of target.provider.forwardHeaders) if (target.headers[name] === undefined) take(name)
  if (anthropic && headers["anthropic-version"] === undefined)
    headers = { ...headers, "anthropic-version": OLDEST_ANTHROPIC_VERSION }
  return headers
}

/** Everything else that an upstream sends stays here; its request id is recorded, not forwarded. */
const BACK = ["content-type", "x-codex-turn-state"]

export function copyResponseHeaders(upstream: Headers, into: Record<string, string>): void {
  for (const name of BACK) {
    const value = upstream.get(name)
    if (value !== null) into[name] = value
  }
}

export function upstreamRequestId(upstream: Headers): string | null {
  return (upstream.get("x-request-id") ?? upstream.get("request-id"))?.slice(0, 128) ?? null
}
