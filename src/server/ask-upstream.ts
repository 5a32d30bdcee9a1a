/** One bounded request to an upstream beside calls: for its list of models, or for what it makes of an empty request. */
import type { Target } from "../config/snapshot.ts"
import type { DialectName } from "../dialects/name.ts"
import { WIRES } from "../dialects/wires.ts"
import type { Reason } from "../reasons.ts"
import type { Clock } from "../system/clock.ts"
import { readWhole, upstreamFault } from "../upstream/answer.ts"
import { besideEndpoint } from "../upstream/beside.ts"
import { forwardedHeaders } from "../upstream/headers.ts"
import type { Upstream } from "../upstream/send.ts"

export interface AskedUpstream {
  readonly status: number
  readonly bytes: Uint8Array
  /** Of a redirect: where to; null: nowhere. */
  readonly location: string | null
}

const WITHIN_MS = 15_000
const LARGEST_BYTES = 8 << 20

/** Without a kept connection, by the credential that calls would use. Never rejects: a word says why there is no answer. */
export async function askUpstream(
  target: Target,
  { url, method, body }: { readonly url: string; readonly method: "GET" | "POST"; readonly body?: string },
  { upstream, clock }: { readonly upstream: Upstream; readonly clock: Clock },
): Promise<AskedUpstream | Reason> {
  const bytes = body === undefined ? [] : [new TextEncoder().encode(body)]
  const sent = upstream.send({
    method,
    target: { ...target, url },
    beta: false,
    headers: forwardedHeaders(new Headers(), target.dialect, target, ""),
    body: bytes,
    stale: "new",
  })
  let isLate = false
  const timer = clock.after(WITHIN_MS, () => {
    isLate = true
    sent.cancel()
  })
  try {
    const answer = await sent.answer
    const { status, headers } = answer
    return { status, bytes: await readWhole(answer, LARGEST_BYTES), location: headers.get("location") }
  } catch (error) {
    return isLate ? "first-byte-timeout" : (upstreamFault(error)?.reason ?? "closed")
  } finally {
    timer.close()
    sent.cancel()
  }
}

/** The target's address as another dialect would have it. */
export function asDialect(target: Pick<Target, "url" | "dialect">, dialect: DialectName): string {
  const [own, other] = [WIRES[target.dialect], WIRES[dialect]]
  const made = new URL(besideEndpoint(target, ""))
  const root = own.root !== "" && other.root === "" ? made.pathname : made.pathname.replace(/\/$/, "")
  made.pathname = (root.endsWith(other.root) ? root : root + other.root) + other.endpoint
  return made.href
}
