/** What the router counts of calls on their way: the sign that a call has come to its place. */
import { eventually, get, type Door } from "./client.ts"
import { readExposition } from "./exposition.ts"

const GAUGES = {
  queued: "smart_router_queued_calls",
  drained: "smart_router_drained_calls",
  awaiting: "smart_router_cache_waiting_calls",
} as const

/** `token`: of a caller that may read all metrics. */
export async function gaugeOf(name: keyof typeof GAUGES, door: Pick<Door, "url">, token: string): Promise<number> {
  const { text } = await get({ url: door.url, token }, "/metrics")
  return readExposition(text).sum(GAUGES[name])
}

export async function untilGauge(
  name: keyof typeof GAUGES,
  value: number,
  door: Pick<Door, "url">,
  token: string,
): Promise<void> {
  await eventually(`${name} calls: ${value}`, async () =>
    (await gaugeOf(name, door, token)) === value ? true : undefined,
  )
}
