/** Where conversations are remembered: in this process, or shared between processes where their state is. */
import type { StateConfig } from "../config/config.ts"
import { StoreLink } from "../governance/redis/link.ts"
import { MemoryPinStore, type PinStore } from "../routing/affinity/pin-store.ts"
import { SharedPinStore } from "../routing/affinity/shared-pin-store.ts"
import type { Clock } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { storeAddress } from "./store-address.ts"

/**
 * A connection of its own: a pin is soft, and must neither wait behind admissions nor take their connection down when it
 * has waited too long. A silence is noticed between one and two of these.
 */
const COMMAND_MS = 50

export function openPins(state: StateConfig, clock: Clock, log: Log): PinStore {
  const address = storeAddress(state)
  if (address === null) return new MemoryPinStore()
  const limits = { commandMs: COMMAND_MS }
  const link = new StoreLink({ ...address, clock, log, limits, name: "the shared pins", scripts: [], onUp: () => {} })
  void link.open()
  return new SharedPinStore(link)
}
