/** SIGTERM: calls in flight finish, new ones are refused in their dialect, and the process ends with success. */
import { expect, test } from "bun:test"
import { reply, stream } from "../../helpers/behaviours.ts"
import { eventually, readAnswer } from "../../helpers/client.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { recordsIn } from "../../helpers/records.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"

test.each(["SIGTERM", "SIGINT"] as const)("%s drains", async (signal) => {
  const upstream = await FakeUpstream.start()
  await using router = await spawnRouter({ upstreams: { upstream } })
  const gate = Promise.withResolvers<void>()
  const flying = ALL_SAMPLES.map(async (sample) => {
    const frames = sample.frames()
    const cut = sample.framesBeforeContent + 1
    upstream.plan(
      `stream-${sample.dialect}`,
      stream([...frames.slice(0, cut), { until: gate.promise }, ...frames.slice(cut)]),
    )
    upstream.plan(`unary-${sample.dialect}`, async (exchange) => {
      await gate.promise
      await reply(sample.unary())(exchange)
    })
    const unary = router.call(sample.dialect, sample.request({ text: `unary-${sample.dialect}` }))
    const streamed = await router.open(
      sample.dialect,
      sample.request({ stream: true, text: `stream-${sample.dialect}` }),
    )
    return { unary, streamed }
  })
  const calls = await Promise.all(flying)
  await Promise.all(ALL_SAMPLES.map(({ dialect }) => upstream.arrival(`unary-${dialect}`)))

  router.signal(signal)
  const refused = await eventually("refusals", async () => {
    const answer = await router.call("chat", ALL_SAMPLES[0]!.request({ text: "too late" }), {
      headers: { connection: "close" },
    })
    return answer.status === 503 ? answer : undefined
  })
  expectError(refused, "chat", 503, "shutting-down")
  for (const sample of ALL_SAMPLES) {
    expectError(await router.call(sample.dialect, sample.request()), sample.dialect, 503, "shutting-down")
  }

  gate.resolve()
  for (const [index, sample] of ALL_SAMPLES.entries()) {
    const streamed = await readAnswer(calls[index]!.streamed)
    expect(streamed.text).toBe(sample.frames().join(""))
    const unary = await calls[index]!.unary
    expect(unary.text).toBe(sample.unary())
    for (const { requestId } of [streamed, unary]) expect(recordsIn(router.directory).usage(requestId)).toHaveLength(1)
  }
  expect(await router.exited).toBe(0)
  // The log is complete once the process has ended, refusals included.
  const logged = router.records.logLines().map((line) => line["request_id"])
  for (const { requestId } of await Promise.all(calls.map(({ unary }) => unary))) expect(logged).toContain(requestId)
  await upstream.stop()
})
