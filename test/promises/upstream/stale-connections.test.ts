/** A kept connection that the upstream was closing costs no call; a request that an upstream may have read is never sent again unseen. */
import { expect, test } from "bun:test"
import { closeAtOnce, raw, reply, resetAtOnce } from "../../helpers/behaviours.ts"
import { targetsOf } from "../../helpers/config.ts"
import type { Behaviour, Exchange } from "../../helpers/fake-upstream.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type LocalGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { drawn } from "../../helpers/sample.ts"

const CHAT = SAMPLES.chat

/** A whole answer that does not announce the end of its connection. */
function thenClosed(body: string): Behaviour {
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
  return raw([head + body, { waitMs: 5 }, { end: "close" }])
}

for (const sample of drawn(ALL_SAMPLES)) {
  test(`${sample.dialect}: a connection that was closed while idle costs no call`, async () => {
    const upstream = (await FakeUpstream.start()).otherwise(thenClosed(sample.unary()))
    await using gateway = await startGateway({ upstreams: { upstream } })
    for (let round = 0; round < 5; round += 1) {
      expect((await gateway.call(sample.dialect, sample.request())).status).toBe(200)
      await Bun.sleep(20)
    }
    expect(upstream.exchanges.length).toBe(5)
    await upstream.stop()
  })

  test(`${sample.dialect}: kept connections are used again`, async () => {
    const upstream = (await FakeUpstream.start()).otherwise(reply(sample.unary()))
    await using gateway = await startGateway({ upstreams: { upstream } })
    for (let round = 0; round < 5; round += 1) await gateway.call(sample.dialect, sample.request())
    expect(upstream.connections).toBe(1)
    await upstream.stop()
  })
}

interface Row {
  readonly provider: string
  readonly error_class: string | null
}

/** Makes a call that is answered, and returns the rows of its attempts. */
async function attemptsOf(gateway: LocalGateway, text: string): Promise<readonly Row[]> {
  const { status, headers } = await gateway.call("chat", CHAT.request({ text }))
  expect(status).toBe(200)
  return gateway.records
    .attempts(headers.get("x-request-id") ?? "")
    .map(({ provider, error_class }) => ({ provider, error_class }))
}

/** Two upstreams, the first of which keeps a connection; time stands still. */
async function twoUpstreams(clock: HeldClock) {
  const first = (await FakeUpstream.start()).otherwise(reply(CHAT.unary()))
  const second = (await FakeUpstream.start()).otherwise(reply(CHAT.unary()))
  const gateway = await startGateway(
    {
      upstreams: { first, second },
      configure: (config) => {
        const targets = targetsOf(["first", "second"]).filter(({ provider }) => String(provider).endsWith("-chat"))
        config.models["default"] = { strategy: "failover", targets }
      },
    },
    { clock },
  )
  expect((await gateway.call("chat", CHAT.request())).status).toBe(200)
  const stop = async (): Promise<void> => {
    await gateway[Symbol.asyncDispose]()
    await Promise.all([first.stop(), second.stop()])
  }
  return { first, second, gateway, stop }
}

const closing: Readonly<Record<string, Behaviour>> = { closes: closeAtOnce, resets: resetAtOnce }
for (const [how, behave] of Object.entries(closing)) {
  test(`a kept connection that ${how} as the request is written is an attempt of its own, and the target is tried again`, async () => {
    const { first, second, gateway, stop } = await twoUpstreams(new HeldClock())
    first.plan("<stale>", behave, reply(CHAT.unary()))
    const rows = await attemptsOf(gateway, "<stale>")
    expect([first.received("<stale>").length, second.received("<stale>").length]).toEqual([2, 0])
    expect(first.connections).toBe(2)
    expect(rows).toEqual([
      { provider: "first-chat", error_class: "stale_connection" },
      { provider: "first-chat", error_class: null },
    ])
    await stop()
  })

  test(`a request that an upstream had for a while before it ${how} goes to the next target, never again to the same`, async () => {
    const clock = new HeldClock()
    const { first, second, gateway, stop } = await twoUpstreams(clock)
    const worked = async (exchange: Exchange): Promise<void> => {
      await clock.advance(250)
      await behave(exchange)
    }
    first.plan("<worked>", worked, reply(CHAT.unary()))
    const rows = await attemptsOf(gateway, "<worked>")
    expect([first.received("<worked>").length, second.received("<worked>").length]).toEqual([1, 1])
    expect(rows).toEqual([
      { provider: "first-chat", error_class: "network" },
      { provider: "second-chat", error_class: null },
    ])
    await stop()
  })
}

test("a connection that ends inside the head of an answer was not closing: the request is not sent again", async () => {
  const { first, second, gateway, stop } = await twoUpstreams(new HeldClock())
  first.plan("<begun>", raw(["HTTP/1.1 200 O", { end: "close" }]), reply(CHAT.unary()))
  expect((await gateway.call("chat", CHAT.request({ text: "<begun>" }))).status).toBe(200)
  expect([first.received("<begun>").length, second.received("<begun>").length]).toEqual([1, 1])
  await stop()
})

test("stale connections open no breaker, however many there are", async () => {
  const { first, gateway, stop } = await twoUpstreams(new HeldClock())
  first.plan("<often>", ...Array.from({ length: 12 }, () => [closeAtOnce, reply(CHAT.unary())]).flat())
  for (let round = 0; round < 12; round++)
    expect((await attemptsOf(gateway, "<often>")).map(({ provider }) => provider)).toEqual(["first-chat", "first-chat"])
  expect(first.received("<often>").length).toBe(24)
  await stop()
})
