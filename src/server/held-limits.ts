/** What calls in flight hold of the limits of their callers and projects: only a running router knows. */
import type { CheckView } from "../governance/state.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import { limitName } from "../pipeline/limits/refuse.ts"
import { inTurns } from "../reports/turns.ts"

export interface HeldLimit {
  readonly subject: "caller" | "project"
  readonly id: string
  /** As the configuration names it. */
  readonly limit: string
  /** Money in nano-USD. */
  readonly reserved: number
}

type Counted = Pick<Gateway, "snapshot" | "governance" | "clock">

/** Those that ask meanwhile get the same answer. */
const ASKED = new WeakMap<Counted, Promise<readonly HeldLimit[]>>()

/** Of which something is held; others have turns between. @throws RouterError where the store of limits is away */
export function heldLimits(gateway: Counted): Promise<readonly HeldLimit[]> {
  const asked = ASKED.get(gateway) ?? askHeld(gateway).finally(() => ASKED.delete(gateway))
  ASKED.set(gateway, asked)
  return asked
}

async function askHeld(gateway: Counted): Promise<readonly HeldLimit[]> {
  const held = new Map<string, HeldLimit>()
  for await (const { check, subject, reserved } of viewsOf(gateway, Infinity)) {
    const limit = limitName(check.kind)
    if (reserved > 0) held.set(`${subject.key} ${limit}`, { subject: subject.scope, id: subject.id, limit, reserved })
  }
  return [...held.values()]
}

/**
 * The limits of the first `most` callers that have any, and of their projects, again for each caller, as far as they are
 * counted already; others have turns between.
 */
export async function* viewsOf({ snapshot, governance, clock }: Counted, most: number): AsyncGenerator<CheckView> {
  let left = most
  for await (const some of inTurns(snapshot.callerLimits.values())) {
    const limited = some.filter((limits) => limits !== null).slice(0, left)
    const [now, monotonicMs] = [clock.now(), clock.monotonicMs()]
    const views = await Promise.all(
      limited.map(async (limits) => await governance.state.view(limits, now, monotonicMs, true)),
    )
    yield* views.flat()
    left -= limited.length
    if (left <= 0) return
  }
}
