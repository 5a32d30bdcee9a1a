/** Takes calls into the ledger of a running router that were not made through it. */
import { setImmediate as nextTurn } from "node:timers/promises"
import type { LedgerStore } from "../ledger/open.ts"
import type { CallRecord } from "../ledger/record.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { recountLimits } from "./restore-limits.ts"

export interface CallTaker {
  /**
   * Writes one group after the other, as the rows of finished calls are written, and lets the router's own calls have
   * their turn in between. Limits count them at the end. Calls that are there already change nothing.
   * @returns false where the router stops meanwhile. Rejects with `usage-store-unavailable` where the ledger takes no rows.
   */
  takeIn(groups: Iterable<readonly CallRecord[]>): Promise<boolean>
}

export function callTaker(gateway: Gateway, ledger: LedgerStore): CallTaker["takeIn"] {
  return async (groups) => {
    await nextTurn()
    for (const group of groups) {
      if (gateway.draining) return false
      await Promise.all(group.map((call) => ledger.record(call)))
      await nextTurn()
    }
    const { snapshot, governance, clock } = gateway
    await recountLimits(snapshot, governance.state, ledger, clock)
    return true
  }
}
