/** Feedback tells the policy service how calls ended; its fate never touches a caller. */
import { expect, test } from "bun:test"
import { reply, stall } from "../../helpers/behaviours.ts"
import { eventually } from "../../helpers/client.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { startWith } from "../../helpers/scripted.ts"
import { drawn } from "../../helpers/sample.ts"

type Block = Record<string, unknown>
type Json = Readonly<Record<string, unknown>>

async function startWithFeedback(service: FakeUpstream, feedback: Block = {}) {
  service.plan("/decide", reply('{"targetIndex":1,"classLabel":"c","metadata":{"decision":"d-1"}}'))
  return startWith(() => ({
    strategy: "external",
    external_policy: {
      url: `${service.url}/v1/decide?key=1`,
      allow_hosts: ["127.0.0.1"],
      timeout_ms: 5000,
      feedback: { enabled: true, timeout_ms: 1500, retry_backoff_ms: 5, ...feedback },
    },
  }))
}

async function reports(service: FakeUpstream, count: number): Promise<readonly Json[]> {
  const received = await eventually(`${count} reports`, () => {
    const found = service.received("/v1/feedback")
    return found.length >= count ? found : undefined
  })
  return received.map(({ request }) => JSON.parse(bodyText(request)) as Json)
}

for (const sample of drawn(ALL_SAMPLES)) {
  for (const stream of [false, true]) {
    test(`${sample.dialect}, ${stream ? "streamed" : "unary"}: what was decided and how it ended, never what was said`, async () => {
      const service = (await FakeUpstream.start()).otherwise(reply("{}"))
      await using router = await startWithFeedback(service)
      const answer = await router.gateway.call(sample.dialect, sample.request({ text: "private words", stream }))
      const [report] = await reports(service, 1)
      expect(report).toMatchObject({
        schema: "external_policy.feedback.v1",
        group: "default",
        requestId: answer.requestId,
        classLabel: "c",
        decidedProvider: `second-${sample.dialect}`,
        provider: `second-${sample.dialect}`,
        metadata: { decision: "d-1" },
        status: 200,
        error: null,
        attempts: 1,
        fallbackUsed: false,
        stream,
        inputTokens: sample.usage.input,
        outputTokens: sample.usage.output,
      })
      expect(JSON.stringify(report)).not.toContain("private words")
      expect(Number(report?.["costNanoUsd"])).toBeGreaterThan(0)
      await service.stop()
    })
  }
}

test("a call that fails is reported too", async () => {
  const service = (await FakeUpstream.start()).otherwise(reply("{}"))
  await using router = await startWithFeedback(service)
  router.first.otherwise(reply("", { status: 500 }))
  router.second.otherwise(reply("", { status: 500 }))
  await router.gateway.call("chat", SAMPLES.chat.request())
  const [report] = await reports(service, 1)
  expect(report).toMatchObject({ status: 502, error: "upstream-failed", attempts: 2, fallbackUsed: true })
  await service.stop()
})

test("it is tried again after 5xx and silence, not after a refusal, and then given up", async () => {
  const service = (await FakeUpstream.start()).plan("/v1/feedback", reply("", { status: 503 }), stall, reply("{}"))
  await using router = await startWithFeedback(service)
  await router.gateway.call("chat", SAMPLES.chat.request())
  expect((await reports(service, 3)).map(({ requestId }) => requestId)).toHaveLength(3)
  const refusing = (await FakeUpstream.start()).plan("/v1/feedback", reply("", { status: 400 }))
  await using other = await startWithFeedback(refusing)
  await other.gateway.call("chat", SAMPLES.chat.request())
  await reports(refusing, 1)
  await Bun.sleep(60)
  expect(refusing.received("/v1/feedback")).toHaveLength(1)
  await Promise.all([service.stop(), refusing.stop()])
})

test("a feedback service that hangs holds up no call", async () => {
  const service = (await FakeUpstream.start()).plan("/v1/feedback", stall)
  await using router = await startWithFeedback(service, { timeout_ms: 60_000 })
  const answers = await Promise.all(
    Array.from({ length: 40 }, async () => router.gateway.call("chat", SAMPLES.chat.request())),
  )
  expect(answers.every(({ status }) => status === 200)).toBe(true)
  // few at a time
  expect(service.received("/v1/feedback").length).toBeLessThanOrEqual(4)
  await service.stop()
})
