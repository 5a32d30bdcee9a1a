/** What calls in flight hold of the limits of their callers and projects: only a running router knows. */
import type { CheckView } from "../governance/state.ts"
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
export async function heldLimits(gateway: Gateway): Promise<readonly HeldLimit[]> {
  const held = new Map<string, HeldLimit>()
  for await (const { check, subject, reserved } of viewsOf(gateway, Infinity)) {
    const limit = limitName(check.kind)
    if (reserved > 0) held.set(`${subject.key} ${limit}`, { subject: subject.scope, id: subject.id, limit, reserved })
  }
  return [...held.values()]
}

/** The limits of the first `most` callers that have any, and of their projects, again for each caller; others have turns between. */
export async function* viewsOf({ snapshot, governance, clock }: Gateway, most: number): AsyncGenerator<CheckView> {
  let count = 0
  for (const limits of snapshot.callerLimits.values()) {
    if (limits === null) continue
    yield* await governance.state.view(limits, clock.now(), clock.monotonicMs())
    count += 1
    if (count >= most) return
    if (count % CALLERS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Some milliseconds' work. */
const CALLERS_AT_ONCE = 100
