/** Sends one request upstream. */
import type { Target } from "../config/snapshot.ts"

export interface UpstreamRequest {
  readonly target: Target
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer>
  readonly signal: AbortSignal
}

/** Rejects on network faults and when the signal fires. Redirects are answers, not followed. */
export function send(request: UpstreamRequest): Promise<Response> {
  return fetch(request.url, {
    method: "POST",
    headers: request.headers,
    body: request.body,
    signal: request.signal,
    redirect: "manual",
    // the router has its own deadlines
    timeout: false,
    ...request.target.provider.connection,
  })
}
