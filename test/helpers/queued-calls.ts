/** How many calls wait in the lines of shaped callers, by the gauge of the metrics. */
import { eventually, get, type Door } from "./client.ts"
import { readExposition } from "./exposition.ts"

/** `token`: of a caller that may read all metrics. */
export async function queuedCalls(door: Door, token: string): Promise<number> {
  return readExposition((await get(door, "/metrics", { token })).text).sum("smart_router_queued_calls")
}

export async function untilQueued(count: number, door: Door, token: string): Promise<void> {
  await eventually(`${count} calls in the line`, async () =>
    (await queuedCalls(door, token)) === count ? true : undefined,
  )
}
