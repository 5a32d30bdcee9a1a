/** A call that comes to a target which another call has begun to probe meanwhile goes past it. */
import { expect, test } from "bun:test"
import type { Behaviour } from "../../helpers/fake-upstream.ts"
import { reply } from "../../helpers/behaviours.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const COOLDOWN_MS = 60_000

test("the second target is probed by one call, and the other is served by the third", async () => {
  const sample = SAMPLES.chat
  const [first, second, third] = await Promise.all([FakeUpstream.start(), FakeUpstream.start(), FakeUpstream.start()])
  third.otherwise(vendorAnswer("third"))
  const clock = new HeldClock()
  await using gateway = await startGateway(
    {
      upstreams: { first, second, third },
      configure: (config) => {
        config.server["breaker"] = { failures: 1, window: "10m", cooldown: `${COOLDOWN_MS}ms` }
      },
    },
    { clock },
  )
  const ask = async (text: string) => gateway.call("chat", sample.request({ text }))
  // a 429 says nothing against the first, so that calls keep coming by way of it
  const limited = reply(sample.errorBody("slow down"), { status: 429 })
  first.otherwise(limited)
  second.plan("opening", reply("", { status: 500 }))
  expect((await ask("opening")).text).toBe(sample.unary("third"))
  await clock.leap(COOLDOWN_MS)

  const gates = { late: Promise.withResolvers<void>(), probe: Promise.withResolvers<void>() }
  const after =
    (gate: Promise<void>, behave: Behaviour): Behaviour =>
    async (exchange) => {
      await gate
      await behave(exchange)
    }
  first.plan("late", after(gates.late.promise, limited))
  second.otherwise(after(gates.probe.promise, vendorAnswer("second")))
  const late = ask("late")
  await first.arrival("late")
  const probe = ask("probe")
  await second.arrival("probe")
  gates.late.resolve()
  expect((await late).text).toBe(sample.unary("third"))
  expect(second.received("late")).toEqual([])
  gates.probe.resolve()
  expect((await probe).text).toBe(sample.unary("second"))
  await Promise.all([first.stop(), second.stop(), third.stop()])
})
