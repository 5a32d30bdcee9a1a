/** Kill the process at any moment under load: every call whose client saw its end has exactly one row. */
import { expect, test } from "bun:test"
import { randomInt } from "node:crypto"
import { eventually } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Prepared } from "../../helpers/config.ts"
import { prepare } from "../../helpers/config.ts"
import { finishedBeforeKill } from "../../helpers/finished-calls.ts"
import { recordsIn } from "../../helpers/records.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

/** Two routers, each with its own state, are killed and started again in turn. */
const LANES = 2
const ROUNDS = 4
const WORKERS = 8

/** Settles when so many further calls have come. */
async function callsAt(upstream: FakeUpstream, more: number): Promise<void> {
  const before = upstream.exchanges.length
  await eventually("some calls", () => upstream.exchanges.length >= before + more || undefined)
}

async function round(upstream: FakeUpstream, prepared: Prepared): Promise<readonly string[]> {
  const router = await spawnRouter(prepared)
  // an idle machine may be killed at any moment of a call; a busy one gets as far as that
  return finishedBeforeKill(router, WORKERS, Promise.all([Bun.sleep(randomInt(60, 300)), callsAt(upstream, 20)]))
}

async function lane(upstream: FakeUpstream): Promise<void> {
  const prepared = prepare({ upstreams: { upstream } })
  const finished: string[] = []
  for (let count = 0; count < ROUNDS; count += 1) finished.push(...(await round(upstream, prepared)))
  // Whatever a crash left in a spool is in the database once the router runs again.
  await using router = await spawnRouter(prepared)
  expect((await fetch(`${router.url}/readyz`)).status).toBe(200)
  const recorded = new Map<string, number>()
  for (const { request_id } of recordsIn(prepared.directory).usage()) {
    recorded.set(request_id, (recorded.get(request_id) ?? 0) + 1)
  }
  expect(finished.length).toBeGreaterThan(0)
  expect(finished.filter((id) => recorded.get(id) !== 1)).toEqual([])
  expect(new Set(finished).size).toBe(finished.length)
}

test("no finished call is missing after SIGKILL, and none stands twice", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  // Every lane ends its own routers, also when another one fails.
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, async () => lane(upstream)))
  await upstream.stop()
  expect(lanes.flatMap((outcome) => (outcome.status === "rejected" ? [String(outcome.reason)] : []))).toEqual([])
})
