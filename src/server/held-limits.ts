/** What calls in flight hold of the limits of their callers and projects: only a running router knows. */
import type { Gateway } from "../pipeline/gateway.ts"
import { limitName } from "../pipeline/limits/refuse.ts"

export interface HeldLimit {
  readonly subject: "caller" | "project"
  readonly id: string
  /** As the configuration names it. */
  readonly limit: string
  /** Money in nano-USD. */
  readonly reserved: number
}

/** Of which something is held; others have turns between. @throws RouterError where the store of limits is away */
export async function heldLimits({ snapshot, governance, clock }: Gateway): Promise<readonly HeldLimit[]> {
  const held = new Map<string, HeldLimit>()
  let count = 0
  for (const limits of snapshot.callerLimits.values()) {
    if (limits === null) continue
    for (const { check, subject, reserved } of await governance.state.view(limits, clock.now(), clock.monotonicMs())) {
      const limit = limitName(check.kind)
      if (reserved > 0) held.set(`${subject.key} ${limit}`, { subject: subject.scope, id: subject.id, limit, reserved })
    }
    count += 1
    if (count % CALLERS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  return [...held.values()]
}

/** Some milliseconds' work. */
const CALLERS_AT_ONCE = 100
