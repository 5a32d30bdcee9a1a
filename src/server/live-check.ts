/** Asks each provider for its list of models, which costs nothing: can it be reached, and does it take the key? */
import type { Snapshot, Target } from "../config/snapshot.ts"
import { asArray, asObject, asString, parseBytes } from "../dialects/loose.ts"
import { DIALECTS } from "../dialects/registry.ts"
import type { Reason } from "../reasons.ts"
import type { Clock } from "../system/clock.ts"
import { readWhole, upstreamFault } from "../upstream/answer.ts"
import { classifyStatus } from "../upstream/failure.ts"
import { forwardedHeaders } from "../upstream/headers.ts"
import { Upstream } from "../upstream/send.ts"
import { upstreamSockets } from "./connection-bounds.ts"

/** What became of asking one provider. */
export interface Asked {
  readonly provider: string
  /** Why it cannot be used; null: nothing is known against it. */
  readonly reason: Reason | null
  /** It has a list of models, so that the key was tested, and these of the targets' models do not stand in it. */
  readonly missing: readonly string[] | null
}

const WITHIN_MS = 15_000
const LARGEST_LIST_BYTES = 8 << 20
/** A vendor's page of models is shorter than all that it has. */
const ALL = "limit=1000"

/** Each provider that has a target, at once. Never rejects. */
export async function askProviders(snapshot: Snapshot, clock: Clock): Promise<readonly Asked[]> {
  const upstream = new Upstream(clock, upstreamSockets(snapshot.connections))
  try {
    return await Promise.all([...byProvider(snapshot)].map((targets) => ask(targets, upstream, clock)))
  } finally {
    upstream.close()
  }
}

/** Targets of each provider; those of one that has several dialects are asked for each address. */
function byProvider({ groups }: Snapshot): Iterable<readonly Target[]> {
  const found = new Map<string, Target[]>()
  for (const target of new Set([...groups.values()].flatMap(({ targets }) => targets))) {
    const key = `${target.provider.name} ${listUrl(target)}`
    found.set(key, [...(found.get(key) ?? []), target])
  }
  return found.values()
}

async function ask(targets: readonly Target[], upstream: Upstream, clock: Clock): Promise<Asked> {
  const [target] = targets
  if (target === undefined) throw new Error("a provider without targets")
  const provider = target.provider.name
  const sent = upstream.send({
    method: "GET",
    target: { ...target, url: listUrl(target) },
    beta: false,
    headers: forwardedHeaders(new Headers(), target.dialect, target, ""),
    body: [],
    stale: "new",
  })
  let isLate = false
  const timer = clock.after(WITHIN_MS, () => {
    isLate = true
    sent.cancel()
  })
  try {
    const answer = await sent.answer
    const bytes = await readWhole(answer, LARGEST_LIST_BYTES)
    const { reason, isList } = meaningOf(answer.status, bytes, target)
    return { provider, reason, missing: isList ? missingIn(bytes, targets) : null }
  } catch (error) {
    return {
      provider,
      reason: isLate ? "first-byte-timeout" : (upstreamFault(error)?.reason ?? "closed"),
      missing: null,
    }
  } finally {
    timer.close()
    sent.cancel()
  }
}

/** Beside the endpoint that serves calls. */
function listUrl({ url, dialect }: Target): string {
  const made = new URL(url)
  const endpoint = DIALECTS[dialect].endpoint.replace(/^\/v1/, "")
  made.pathname = `${made.pathname.endsWith(endpoint) ? made.pathname.slice(0, -endpoint.length) : made.pathname}/models`
  if (dialect === "anthropic") made.search += made.search === "" ? `?${ALL}` : `&${ALL}`
  return made.href
}

/** Many servers have no such list, and tell so by a 404 whatever the key is. */
function meaningOf(
  status: number,
  bytes: Uint8Array,
  target: Target,
): { readonly reason: Reason | null; readonly isList: boolean } {
  if (status >= 200 && status < 300) return { reason: null, isList: true }
  if (status === 404 || status === 405) return { reason: null, isList: false }
  const fault = DIALECTS[target.dialect].readFault(bytes)
  const nothing = { type: null, code: null, param: null, message: null }
  return { reason: classifyStatus(status, fault ?? nothing, target.model).reason, isList: false }
}

function missingIn(bytes: Uint8Array, targets: readonly Target[]): readonly string[] | null {
  const listed = asArray(parseBytes(bytes)?.["data"]).map((model) => asString(asObject(model)?.["id"]))
  if (listed.length === 0) return null
  return [...new Set(targets.map(({ model }) => model))].filter((model) => !listed.includes(model))
}
