/** A client has left a group with `disconnect: drain`, or an answer in the background: its call is read on to the usage that the upstream reports. */
import type { Call } from "../call.ts"
import type { Life } from "../call/life.ts"
import type { Gateway } from "../gateway.ts"

type Drains = Pick<Gateway, "clock" | "drained">

/** What is not done by then is cancelled and billed as far as it came. */
const DRAIN_WITHIN_MS = 120_000
/** Further departures are treated as `abort`: nobody may fill the router with calls that no one waits for. */
const MOST_DRAINED = 256

/** True: the call goes on without its client, until it ends or `cancel` is called. */
export function readsOn(call: Call, gateway: Drains, cancel: () => void): boolean {
  if (call.lastAttempt === null) return false
  if (isAwaited(call, cancel)) return readOn(call.life, gateway, cancel)
  // what runs in the background is made, and billed, whether or not somebody reads it
  return (
    (call.group?.disconnect === "drain" || call.request?.runsInBackground === true) &&
    readOn(call.life, gateway, cancel)
  )
}

/** Equal calls wait for the answer; when the last of them has left, too, nobody does. */
function isAwaited({ caching, group }: Call, cancel: () => void): boolean {
  const flight = caching?.flight ?? null
  if (flight === null || flight.followers === 0 || group?.disconnect === "drain") return false
  flight.onAbandoned = cancel
  return true
}

/** The same whatever the group says. */
export function readOn(life: Life, gateway: Drains, cancel: () => void): boolean {
  if (life.drainTimer !== null) return false
  if (gateway.drained >= MOST_DRAINED) return false
  gateway.drained++
  life.drainTimer = gateway.clock.after(DRAIN_WITHIN_MS, () => {
    endDrain(life, gateway)
    cancel()
  })
  return true
}

/** The call is over, or given up. */
export function endDrain(life: Life, gateway: Drains): void {
  if (life.drainTimer === null) return
  life.drainTimer.close()
  life.drainTimer = null
  gateway.drained--
}
