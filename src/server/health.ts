/** Open endpoints: is the process alive, can it take calls, and which build is it? */
import type { Admin } from "../admin/admin.ts"
import type { ReloadStatus } from "../config/reload/reload.ts"
import { RouterError } from "../errors.ts"
import { authenticate } from "../pipeline/authenticate.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"
import { buildInfo } from "../system/build-info.ts"
import type { Activation } from "./activation.ts"
import { json } from "./plain.ts"

/** What `/readyz` asks of the ledger: a look at the database, which notices an outage that no call has met yet. */
export interface ReadyStore {
  ready(): Promise<boolean>
}

export function health(): Outgoing {
  return json({ status: "ok", ...buildInfo })
}

/** The parts that are not usable, without detail. */
export async function notReady(gateway: Gateway, store: ReadyStore): Promise<readonly string[]> {
  return [
    ...(gateway.leaving ? ["draining"] : []),
    ...(gateway.starting ? ["workers"] : []),
    ...((await store.ready()) ? [] : ["usage_db"]),
    ...(gateway.governance.state.isUsable ? [] : ["shared_state"]),
  ]
}

interface ReadyParts {
  readonly admin: Admin
  readonly reloads: () => ReloadStatus
  readonly activation: Pick<Activation, "unproven">
}

/** 503 names the parts that are not usable. A caller who may read metrics also sees how the last reload went, whether content is stored, and groups without any proven target. */
export async function ready(
  request: Incoming,
  gateway: Gateway,
  store: ReadyStore,
  { admin, reloads, activation }: ReadyParts,
): Promise<Outgoing> {
  const parts = await notReady(gateway, store)
  const detail = isOperator(request, gateway, admin)
    ? { configuration: reloadView(reloads()), ...captureView(gateway), ...activationView(activation) }
    : {}
  if (parts.length === 0) return json({ status: "ready", ...detail })
  return json({ status: "not-ready", error: "not-ready", parts, ...detail }, 503)
}

/** No group without proofs makes a router unready: the others serve. */
function activationView(activation: Pick<Activation, "unproven">): object {
  const groups = activation.unproven().map(({ name }) => name)
  return groups.length === 0 ? {} : { activation: { unproven_groups: groups } }
}

/** No call needs it: what is not stored makes no router unready. */
function captureView({ snapshot, captures }: Gateway): object {
  if (snapshot.capture === null) return {}
  const { stopped, lost } = captures.status()
  return { content_capture: { state: stopped === null ? "ok" : "stopped", reason: stopped?.reason ?? null, lost } }
}

/** Load balancers ask without a token, or with a wrong one: they are told all the same whether calls can come. */
function isOperator({ headers }: Incoming, { snapshot, clock }: Gateway, admin: Admin): boolean {
  if (headers.get("authorization") === null && headers.get("x-api-key") === null) return false
  try {
    return admin.readsMetrics(authenticate(headers, snapshot, clock.now()).caller, snapshot)
  } catch (error) {
    if (error instanceof RouterError) return false
    throw error
  }
}

/** Times are texts in UTC. */
export interface ReloadView {
  readonly taken_at: string
  readonly last_reload: "successful" | "refused"
  readonly refused_at?: string
  readonly reasons?: readonly string[]
}

const MOST_REASONS = 20

export function reloadView({ takenMs, refused }: ReloadStatus): ReloadView {
  const taken_at = new Date(takenMs).toISOString()
  if (refused === null) return { taken_at, last_reload: "successful" }
  const { atMs, reasons } = refused
  return {
    taken_at,
    last_reload: "refused",
    refused_at: new Date(atMs).toISOString(),
    reasons: reasons.slice(0, MOST_REASONS),
  }
}

export function version(): Outgoing {
  return json(buildInfo)
}
