/** Where sessions of administrators are: in this process, or shared between processes where their state is. */
import { MemorySessionStore, type SessionStore, SharedSessionStore } from "../admin/session/store.ts"
import type { StateConfig } from "../config/config.ts"
import { StoreLink } from "../governance/redis/link.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { storeAddress } from "./store-address.ts"

/** A connection of its own, so that people who sign in never wait among calls, nor calls among them. */
export function openSessions(state: StateConfig, clock: Clock, log: Log): SessionStore {
  const address = storeAddress(state)
  if (address === null) return new MemorySessionStore(clock)
  const link = new StoreLink({ ...address, clock, log, name: "the shared sessions", scripts: [], onUp: () => {} })
  void link.open()
  return new SharedSessionStore(link)
}
