/** How calls are decided, told to administrators by the running router itself. */
import type { Credential, Snapshot } from "../config/snapshot.ts"
import type { Dialect } from "../dialects/dialect.ts"
import { DIALECTS } from "../dialects/registry.ts"
import { RouterError } from "../errors.ts"
import { explainedRequest, type Explanation } from "../explain/explanation.ts"
import type { ScannedObject } from "../json/scan.ts"
import type { LedgerStore } from "../ledger/open.ts"
import { aside } from "../pipeline/aside/aside.ts"
import { dryRun } from "../pipeline/rehearsal/dry-run.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Incoming } from "../pipeline/message.ts"
import { receiveObject } from "../pipeline/receive.ts"
import { recordedExplanation } from "../pipeline/rows/recorded-explanation.ts"
import { rehearsalOf } from "../pipeline/rehearsal/rehearsal.ts"
import type { Strategies } from "../routing/strategy.ts"
import type { Administrator } from "./admin.ts"
import { sees } from "./domain.ts"

export interface ExplainTools {
  readonly gateway: Gateway
  readonly store: Pick<LedgerStore, "decidedCall" | "whyNoCall">
  /** Scripts and services that may be asked without a live call noticing. */
  readonly rehearsed: Pick<Strategies, "script" | "external">
  /** The dialect of a path that serves calls. */
  readonly dialectAt: (path: string) => Dialect | undefined
}

/** A call that was made. What is not there and what others made look alike. @throws RouterError `not-found`, `usage-store-unavailable` */
export async function explainMadeCall(
  id: string,
  { domain }: Administrator,
  { gateway, store }: Pick<ExplainTools, "gateway" | "store">,
): Promise<Explanation> {
  const { snapshot } = gateway
  const found = /^req_[0-9a-f]{32}$/.test(id)
    ? await store.decidedCall(id, (usage) => sees(domain, usage.caller_project, usage.caller_environment))
    : null
  if (found === null) throw new RouterError("not-found", { message: await store.whyNoCall(id) })
  return recordedExplanation(found, snapshot)
}

/**
 * A request that is decided by what the router knows at this moment, and not sent. A fault in the request itself is part of
 * the answer: the caller would be told.
 * @throws RouterError for a body that is no such question; `not-found` for callers that are not there, or not seen
 */
export async function explainRequest(
  request: Incoming,
  administrator: Administrator,
  { gateway, rehearsed, dialectAt }: ExplainTools,
): Promise<Explanation> {
  if (gateway.draining) throw new RouterError("shutting-down")
  const { snapshot } = gateway
  const { caller: id, dialect, body } = questionOf(await received(request, gateway), dialectAt)
  const credential = credentialOf(id, administrator, snapshot)
  const dry = await dryRun(body, dialect, credential, { ...rehearsalOf(gateway, rehearsed), snapshot }, true)
  return explainedRequest(dry, credential.caller, [
    "Decided by the running router, with its live figures, breakers, pauses and pins of this moment.",
    "The caller's limits, and what only an attempt meets (shared capacity, translating the body), were not asked.",
  ])
}

function received(request: Incoming, gateway: Gateway): Promise<ScannedObject> {
  return aside(request, DIALECTS["openai-chat"], gateway, (call) => receiveObject(call, gateway))
}

export interface Question {
  readonly caller: string
  readonly dialect: Dialect
  readonly body: Uint8Array
}

const KEYS = ["caller", "dialect", "path", "request"]

/** @throws RouterError `invalid-request`, `duplicate-key`. The request's own bytes are kept as they came: what stands twice in it must stay so. */
export function questionOf({ bytes, members }: ScannedObject, dialectAt: ExplainTools["dialectAt"]): Question {
  const parts = new Map<string, Uint8Array>()
  for (const { key, start, end } of members) {
    if (!KEYS.includes(key)) throw invalid("", `The body takes the keys ${KEYS.join(", ")}.`)
    if (parts.has(key)) throw new RouterError("duplicate-key", { param: key })
    parts.set(key, bytes.slice(start, end))
  }
  const caller = textOf(parts, "caller")
  const body = parts.get("request")
  if (caller === null) throw invalid("caller", "`caller` must be the id of a caller.")
  if (body === undefined) throw invalid("request", "`request` must be the body that the caller would send.")
  return { caller, dialect: dialectOf(textOf(parts, "dialect"), textOf(parts, "path"), dialectAt), body }
}

function dialectOf(name: string | null, path: string | null, dialectAt: ExplainTools["dialectAt"]): Dialect {
  if (name !== null && path !== null) throw invalid("path", "Only one of `dialect` and `path` can be given.")
  if (path !== null) {
    const dialect = dialectAt(path)
    if (dialect === undefined) throw invalid("path", "`path` must be one that serves calls, such as /v1/messages.")
    return dialect
  }
  if (name === null) return DIALECTS["openai-chat"]
  if (Object.hasOwn(DIALECTS, name)) return DIALECTS[name as keyof typeof DIALECTS]
  throw invalid("dialect", `\`dialect\` must be one of ${Object.keys(DIALECTS).join(", ")}.`)
}

/** Of an id or a path. */
const LONGEST_TEXT_BYTES = 4096

/** Null: it is not there. */
function textOf(parts: ReadonlyMap<string, Uint8Array>, key: string): string | null {
  const bytes = parts.get(key)
  if (bytes === undefined) return null
  if (bytes.length > LONGEST_TEXT_BYTES) throw invalid(key, `\`${key}\` is too long.`)
  const value: unknown = JSON.parse(Buffer.from(bytes).toString())
  if (typeof value !== "string") throw invalid(key, `\`${key}\` must be a text.`)
  return value
}

function invalid(param: string, message: string): RouterError {
  return new RouterError("invalid-request", { ...(param === "" ? {} : { param }), message })
}

function credentialOf(id: string, { domain }: Administrator, { credentials }: Snapshot): Credential {
  for (const credential of credentials.values()) {
    const { caller } = credential
    if (caller.id === id && sees(domain, caller.project, caller.environment)) return credential
  }
  throw new RouterError("not-found", { param: "caller", message: "There is no such caller." })
}
