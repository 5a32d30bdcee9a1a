/**
 * Asks each provider what costs nothing: for its list of models, and what it says to an empty request. Both together tell
 * a wrong host, port, scheme, path, key, dialect and model from one another.
 */
import { listedIds, nearestModel } from "../catalogue/model-list.ts"
import type { Snapshot, Target } from "../config/snapshot.ts"
import { NO_FAULT } from "../dialects/dialect.ts"
import { parseBytes } from "../dialects/loose.ts"
import type { DialectName } from "../dialects/name.ts"
import { DIALECTS } from "../dialects/registry.ts"
import { DIALECT_NAMES, WIRES } from "../dialects/wires.ts"
import { wantsTls } from "../pipeline/answer/refusal-meaning.ts"
import type { Reason } from "../reasons.ts"
import type { Clock } from "../system/clock.ts"
import { besideEndpoint, listUrl } from "../upstream/beside.ts"
import { classifyStatus } from "../upstream/failure.ts"
import { Upstream } from "../upstream/send.ts"
import { asDialect, askUpstream, type AskedUpstream } from "./ask-upstream.ts"
import { upstreamSockets } from "./connection-bounds.ts"

/** What became of asking one provider. */
export interface Asked {
  readonly provider: string
  /** Why it cannot be used; null: nothing is known against it. */
  readonly reason: Reason | null
  /** What the configuration is to say instead, where another address was tried and answered; null: unknown. */
  readonly instead: Instead | null
  /** Models of targets that its list does not have, each with the name in the list that is nearest. Null: it has no list. */
  readonly missing: readonly { readonly model: string; readonly nearest: string | undefined }[] | null
  /** It answered a request as only the holder of a good key is answered, or it has no key. */
  readonly isKeyTested: boolean
  readonly hasKey: boolean
}

export type Instead =
  /** `base_url` with this behind it. */
  | { readonly is: "root"; readonly root: string }
  /** `base_url` without this at its end. */
  | { readonly is: "less"; readonly end: string }
  | { readonly is: "dialect"; readonly dialect: DialectName }
  /** The address to which it redirects, without parameters. */
  | { readonly is: "redirect"; readonly to: string }

interface Means {
  readonly upstream: Upstream
  readonly clock: Clock
}

/** Each provider that has a target, at once. Never rejects. */
export async function askProviders(snapshot: Snapshot, clock: Clock): Promise<readonly Asked[]> {
  const upstream = new Upstream(clock, upstreamSockets(snapshot.connections))
  try {
    return await Promise.all([...byProvider(snapshot)].map((targets) => ask(targets, { upstream, clock })))
  } finally {
    upstream.close()
  }
}

/** Targets of each provider; those of one that has several dialects are asked for each. */
function byProvider({ groups }: Snapshot): Iterable<readonly Target[]> {
  const found = new Map<string, Target[]>()
  for (const target of new Set([...groups.values()].flatMap(({ targets }) => targets))) {
    const key = `${target.provider.name} ${target.url}`
    found.set(key, [...(found.get(key) ?? []), target])
  }
  return found.values()
}

async function ask(targets: readonly Target[], means: Means): Promise<Asked> {
  const [target] = targets
  if (target === undefined) throw new Error("a provider without targets")
  const hasKey = WIRE_KEYS.some((name) => target.headers[name] !== undefined)
  const told = { provider: target.provider.name, instead: null, missing: null, isKeyTested: !hasKey, hasKey }
  const list = await askUpstream(target, { url: listUrl(target), method: "GET" }, means)
  if (typeof list === "string") return { ...told, reason: list }
  const ids = list.status >= 200 && list.status < 300 ? listedIds(parseBytes(list.bytes)) : null
  const missing =
    ids === null
      ? null
      : [...new Set(targets.map(({ model }) => model))]
          .filter((model) => !ids.includes(model))
          .map((model) => ({ model, nearest: nearestModel(model, ids) }))
  // many servers have no list, and say so whatever the key is
  const againstList = ids === null && ![404, 405, 501].includes(list.status) ? reasonOf(list, target) : null
  if (againstList !== null) return { ...told, reason: againstList, instead: redirectOf(list, target) }
  const empty = await askEmpty(target, target.url, means)
  if (typeof empty === "string") return { ...told, missing, reason: empty }
  const reason = reasonOf(empty, target)
  const isKeyTested = told.isKeyTested || ids !== null
  if (reason !== "path-not-found") return { ...told, missing, isKeyTested, reason, instead: redirectOf(empty, target) }
  return { ...told, missing, isKeyTested, reason, instead: await rightAddress(target, means) }
}

/** Where keys of the usual kinds stand. */
const WIRE_KEYS = ["authorization", "x-api-key", "api-key"]

/** Every server refuses it before it asks a model: it names none, and says nothing. */
function askEmpty(target: Target, url: string, means: Means): Promise<AskedUpstream | Reason> {
  return askUpstream(target, { url, method: "POST", body: "{}" }, means)
}

/** Null: it serves the path, and does not refuse the key. */
function reasonOf({ status, bytes }: AskedUpstream, { dialect, model }: Target): Reason | null {
  if (status >= 200 && status < 300) return null
  const fault = DIALECTS[dialect].readFault(bytes)
  if (wantsTls(status, bytes)) return "tls-expected"
  const { reason } = classifyStatus(status, fault ?? NO_FAULT, model)
  return ABOUT_EMPTINESS.includes(reason) ? null : reason
}

/** What a server that would serve a whole request says to an empty one. */
const ABOUT_EMPTINESS: readonly Reason[] = [
  "request-refused",
  "field-refused",
  "model-unknown",
  "status-refused",
  "conflict",
]

function redirectOf({ status, location }: AskedUpstream, { url }: Target): Instead | null {
  if (status < 300 || status >= 400 || location === null || !URL.canParse(location, url)) return null
  const { origin, pathname } = new URL(location, url)
  return { is: "redirect", to: `${origin}${pathname}` }
}

/** Other addresses and dialects that people mean when they write this one; null: none of them answers. */
async function rightAddress(target: Target, means: Means): Promise<Instead | null> {
  for (const [url, instead] of otherAddresses(target)) {
    const answer = await askEmpty(target, url, means)
    const isServed = typeof answer !== "string" && answer.status < 500 && reasonOf(answer, target) !== "path-not-found"
    if (isServed && redirectOf(answer, target) === null) return instead
  }
  return null
}

function otherAddresses(target: Target): readonly (readonly [url: string, instead: Instead])[] {
  const { endpoint } = WIRES[target.dialect]
  const { pathname } = new URL(besideEndpoint(target, ""))
  const root = pathname.replace(/\/$/, "")
  const doubled = /\/v1(?=\/v1$)/.test(root)
  const under = (path: string): string => besideEndpoint(target, `${path}${endpoint}`)
  return [
    ...(root.endsWith("/v1") ? [] : [[under("/v1"), { is: "root", root: "/v1" }] as const]),
    ...(root.endsWith("/api") || root.includes("/v1")
      ? []
      : [[under("/api/v1"), { is: "root", root: "/api/v1" }] as const]),
    ...(doubled ? [[withPath(target, root.slice(0, -3) + endpoint), { is: "less", end: "/v1" }] as const] : []),
    ...DIALECT_NAMES.filter((name) => name !== target.dialect).map(
      (dialect) => [asDialect(target, dialect), { is: "dialect", dialect }] as const,
    ),
  ]
}

function withPath({ url }: Target, pathname: string): string {
  const made = new URL(url)
  made.pathname = pathname
  return made.href
}
