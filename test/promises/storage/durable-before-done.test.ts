/** A router that is killed under load has a row for every call whose client saw its end, and no second one. */
import { expect, test } from "bun:test"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { finishedBeforeKill } from "../../helpers/finished-calls.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const WORKERS = 8
/** So many calls have come to the upstream when the router is killed. */
const CALLS = 60

test("no finished call is missing after SIGKILL, and none stands twice", async () => {
  const upstream = await FakeUpstream.start()
  await using router = await spawnRouter({ upstreams: { upstream } })
  const isEnough = Promise.withResolvers<void>()
  let calls = 0
  const answer = vendorAnswer()
  upstream.otherwise((exchange) => {
    if ((calls += 1) === CALLS) isEnough.resolve()
    return answer(exchange)
  })
  const finished = await finishedBeforeKill(router, WORKERS, isEnough.promise)
  // what the crash left in a spool is in the database once the router runs again
  await using again = await startGateway(router.prepared)
  const recorded = new Map<string, number>()
  for (const { request_id } of again.records.usage()) recorded.set(request_id, (recorded.get(request_id) ?? 0) + 1)
  expect(finished.length).toBeGreaterThanOrEqual(CALLS - WORKERS)
  expect(finished.filter((id) => recorded.get(id) !== 1)).toEqual([])
  await upstream.stop()
})
