/** Hundreds of calls at once are all on their way at once: no hidden limit of connections holds any back. */
import { expect, test } from "bun:test"
import { stream } from "../../helpers/behaviours.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { connectRaw, requestBytes } from "../../helpers/raw-client.ts"
import { spawnRouter } from "../../helpers/router-process.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"

const CALLS = 400

test("400 streams are open upstream at the same time, and each ends whole", async () => {
  const upstream = await FakeUpstream.start()
  await using router = await spawnRouter({ upstreams: { upstream } })
  const gate = Promise.withResolvers<void>()
  for (const sample of ALL_SAMPLES) {
    const frames = sample.frames()
    const cut = sample.framesBeforeContent + 1
    upstream.plan(
      `many-${sample.dialect}`,
      // the rest at once: on a crowded machine a pause behind the finish would end the stream
      stream([...frames.slice(0, cut), { until: gate.promise }, frames.slice(cut).join("")]),
    )
  }
  const clients = await Promise.all(
    Array.from({ length: CALLS }, async (_, index) => {
      const sample = ALL_SAMPLES[index % ALL_SAMPLES.length]!
      const client = await connectRaw(router.url)
      const head = [
        `POST ${sample.path} HTTP/1.1`,
        `Authorization: Bearer ${router.token}`,
        "Content-Type: application/json",
      ]
      const body = sample.request({ stream: true, text: `many-${sample.dialect}` })
      await client.write(requestBytes([...head, "Connection: close"], body))
      return client
    }),
  )
  await upstream.arrival("many-", CALLS)
  expect(upstream.exchanges.length).toBe(CALLS)
  gate.resolve()
  await Promise.all(clients.map(({ closed }) => closed))
  const ends = clients.filter((client) =>
    /\[DONE\]|response\.completed|message_stop/u.test(client.received().toString()),
  )
  // said first, because it names the reason
  expect(router.records.usage().flatMap(({ error }) => (error === null ? [] : [error]))).toEqual([])
  expect(ends.length).toBe(CALLS)
  expect(router.records.usage().length).toBe(CALLS)
  await upstream.stop()
})
