/** Open endpoints: is the process alive, can it take calls, and which build is it? */
import type { Gateway } from "../pipeline/gateway.ts"
import type { Outgoing } from "../pipeline/message.ts"
import { buildInfo } from "../system/build-info.ts"
import { json } from "./plain.ts"

/** What `/readyz` asks of the ledger: a look at the database, which notices an outage that no call has met yet. */
export interface ReadyStore {
  ready(): Promise<boolean>
}

export function health(): Outgoing {
  return json({ status: "ok", ...buildInfo })
}

/** 503 names the part that is not usable, without detail. */
export async function ready(gateway: Gateway, store: ReadyStore): Promise<Outgoing> {
  const parts = [
    ...(gateway.draining ? ["draining"] : []),
    ...(gateway.starting ? ["workers"] : []),
    ...((await store.ready()) ? [] : ["usage_db"]),
    ...(gateway.governance.state.isUsable ? [] : ["shared_state"]),
  ]
  if (parts.length === 0) return json({ status: "ready" })
  return json({ status: "not-ready", error: "not-ready", parts }, 503)
}

export function version(): Outgoing {
  return json(buildInfo)
}
