/** Kill the process at any moment under load: every call whose client saw its end has exactly one row. */
import { expect, test } from "bun:test"
import { randomInt } from "node:crypto"
import { FakeUpstream } from "../helpers/fake-upstream.ts"
import { readAnswer } from "../helpers/client.ts"
import type { Prepared } from "../helpers/config.ts"
import { prepare } from "../helpers/config.ts"
import { recordsIn } from "../helpers/records.ts"
import type { RouterProcess } from "../helpers/router-process.ts"
import { spawnRouter } from "../helpers/router-process.ts"
import type { Sample } from "../helpers/samples.ts"
import { ALL_SAMPLES } from "../helpers/samples.ts"
import { terminalsOf } from "../helpers/streams.ts"
import { vendorAnswer } from "../helpers/vendor.ts"

/** Two routers, each with its own state, are killed and started again in turn. */
const LANES = 2
const ROUNDS = 4
const WORKERS = 8

/** Calls until the process is gone; returns the ids of the calls whose end was seen. */
async function work(router: RouterProcess, worker: number): Promise<readonly string[]> {
  const finished: string[] = []
  for (let number = worker; ; number += 1) {
    const sample = ALL_SAMPLES[number % ALL_SAMPLES.length]!
    const streamed = number % 2 === 0
    try {
      const answer = await readAnswer(await router.open(sample.dialect, sample.request({ stream: streamed })))
      expect(answer.status).toBe(200)
      if (sawEnd(sample, streamed, answer)) finished.push(answer.requestId)
      if (answer.broken) return finished
    } catch (failure) {
      if (failure instanceof Error && "code" in failure) return finished
      throw failure
    }
  }
}

/** A stream has ended for its client with its terminal event, even if the connection breaks right after it. */
function sawEnd(
  sample: Sample,
  streamed: boolean,
  answer: { readonly text: string; readonly broken: boolean },
): boolean {
  return streamed
    ? terminalsOf(sample.dialect, answer.text).length === 1
    : !answer.broken && answer.text === sample.unary()
}

async function round(prepared: Prepared): Promise<readonly string[]> {
  const router = await spawnRouter(prepared)
  const working = Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(router, worker)))
  try {
    await Promise.race([Bun.sleep(randomInt(60, 300)), working])
  } finally {
    router.signal("SIGKILL")
    await router.exited
  }
  return (await working).flat()
}

async function lane(upstream: FakeUpstream): Promise<void> {
  const prepared = prepare({ upstreams: { upstream } })
  const finished: string[] = []
  for (let count = 0; count < ROUNDS; count += 1) finished.push(...(await round(prepared)))
  // Whatever a crash left in a spool is in the database once the router runs again.
  await using router = await spawnRouter(prepared)
  expect((await fetch(`${router.url}/readyz`)).status).toBe(200)
  const recorded = new Map<string, number>()
  for (const { request_id } of recordsIn(prepared.directory).usage()) {
    recorded.set(request_id, (recorded.get(request_id) ?? 0) + 1)
  }
  expect(finished.length).toBeGreaterThan(ROUNDS)
  expect(finished.filter((id) => recorded.get(id) !== 1)).toEqual([])
  expect(new Set(finished).size).toBe(finished.length)
}

test("no finished call is missing after SIGKILL, and none stands twice", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  // Every lane ends its own routers, also when another one fails.
  const lanes = await Promise.allSettled(Array.from({ length: LANES }, async () => lane(upstream)))
  await upstream.stop()
  expect(lanes.flatMap((outcome) => (outcome.status === "rejected" ? [String(outcome.reason)] : []))).toEqual([])
}, 60_000)
