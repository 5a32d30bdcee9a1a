/** Stops a router: calls in flight may finish for a while, those that do not are ended, and every row is written. */
import { RouterError } from "../errors.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Listener } from "./listen.ts"
import type { RunningGateway } from "./running-gateway.ts"

export interface Stopper {
  /**
   * Says at `/readyz` that it leaves, and takes calls for `server.drain_delay_ms` all the same. Then it refuses new calls and lets those in flight finish for `graceMs` (`server.drain_ms`). Then it ends them: streams with
   * the error `shutting-down` in the client's dialect. Their rows are written before the ledger closes.
   */
  stop(graceMs?: number): Promise<void>
  readonly finished: Promise<void>
}

/** For the last bytes that the kernel took. */
const FLUSH_MS = 100
/** For calls that were ended: their rows, and their last bytes. */
const ENDING_MS = 2000
/** Stores that do not close in this time are left as they are: all that they hold survives that. */
const CLOSING_MS = 10_000
const LOOK_MS = 10

export function stopper(
  gateway: RunningGateway,
  listener: Listener,
  /** What could change the router from outside. */
  doors: readonly { close(): void }[],
  stores: readonly ({ close(): Promise<void> } | null)[],
): Stopper {
  const finished = Promise.withResolvers<void>()
  const stop = async (graceMs: number): Promise<void> => {
    for (const door of doors) door.close()
    gateway.leaving = true
    const { drainDelayMs } = gateway.snapshot.limits
    if (drainDelayMs > 0) await gateway.clock.sleep(drainDelayMs)
    gateway.draining = true
    const left = await endCalls(gateway, listener, graceMs)
    if (left > 0) gateway.log.error("calls did not end when the router stopped", { calls: left })
    await within(CLOSING_MS, gateway, closeAll(gateway, stores))
    finished.resolve()
  }
  let stopping: Promise<void> | null = null
  return {
    stop: (graceMs = gateway.snapshot.limits.drainMs) => (stopping ??= stop(graceMs)),
    finished: finished.promise,
  }
}

/** Resolves with the number of calls that are in flight all the same. */
async function endCalls(gateway: Gateway, listener: Listener, graceMs: number): Promise<number> {
  const isIdle = (): boolean => gateway.active === 0
  if (!(await holds(isIdle, graceMs, gateway))) {
    gateway.log.warn("calls are ended: the router stops", { calls: gateway.active, after_ms: graceMs })
    gateway.watchdog.stopAll(new RouterError("shutting-down"))
    await holds(isIdle, ENDING_MS, gateway)
  }
  // idle connections close at once; the last bytes of the others are on their way
  listener.close(false)
  await holds(() => listener.busy() === 0, ENDING_MS, gateway)
  await gateway.clock.sleep(FLUSH_MS)
  listener.close(true)
  await holds(isIdle, ENDING_MS, gateway)
  return gateway.active
}

async function closeAll(
  gateway: RunningGateway,
  stores: readonly ({ close(): Promise<void> } | null)[],
): Promise<void> {
  await Promise.all([gateway.background.close(), gateway.totals.close(), gateway.captures.close()])
  gateway.watchdog.stop()
  gateway.loop.stop()
  gateway.apart.close()
  gateway.upstream.close()
  gateway.pins.close()
  gateway.cache.close()
  await Promise.all([...stores.map((store) => store?.close()), gateway.governance.close()])
}

/** Waits until the condition holds, at most for so long; whether it does. */
async function holds(condition: () => boolean, ms: number, { clock }: Gateway): Promise<boolean> {
  const until = clock.monotonicMs() + ms
  while (!condition() && clock.monotonicMs() < until) await clock.sleep(LOOK_MS)
  return condition()
}

async function within(ms: number, { clock, log }: Gateway, work: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>()
  const timer = clock.after(ms, () => {
    log.error("the router stops although not everything is closed")
    late.resolve()
  })
  await Promise.race([work, late.promise]).finally(() => timer.close())
}
