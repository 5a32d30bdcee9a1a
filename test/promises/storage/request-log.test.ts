/** One line of JSON for each call, whatever became of it, and nothing in it that is not for the operator's eyes. */
import { expect, test } from "bun:test"
import { reply, stall, stream } from "../../helpers/behaviours.ts"
import { eventually } from "../../helpers/client.ts"
import { newToken, sha256 } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const PROMPT = "the-secret-of-the-prompt"
const ANSWER = "the-secret-of-the-answer"

test("every call has exactly one line that says what its row says", async () => {
  const upstream = (await FakeUpstream.start()).otherwise(vendorAnswer(ANSWER))
  await using gateway = await startGateway({ upstreams: { upstream } })
  const stranger = newToken()
  const statuses = new Map<string, number>()
  for (const sample of ALL_SAMPLES) {
    const { dialect } = sample
    upstream.plan(`fails ${dialect}`, reply(sample.errorBody(ANSWER), { status: 500 }))
    upstream.plan(`refuses ${dialect}`, reply(sample.errorBody(ANSWER), { status: 400 }))
    upstream.plan(`breaks ${dialect}`, stream([...sample.frames([ANSWER]).slice(0, -1), { end: "reset" }]))
    const text = (what: string): string => `${what} ${dialect} ${PROMPT}`
    const answers = [
      await gateway.call(dialect, sample.request({ text: text("serves") })),
      await gateway.call(dialect, sample.request({ stream: true, text: text("serves") })),
      await gateway.call(dialect, sample.request({ text: text("fails") })),
      await gateway.call(dialect, sample.request({ text: text("refuses") })),
      await gateway.call(dialect, sample.request({ model: "nobody", text: PROMPT })),
      await gateway.call(dialect, `{"model":"default","${PROMPT}`),
      await gateway.call(dialect, sample.request({ text: PROMPT }), { token: stranger }),
    ]
    for (const { requestId, status } of answers) statuses.set(requestId, status)
    const broken = await gateway.call(dialect, sample.request({ stream: true, text: text("breaks") }))
    statuses.set(broken.requestId, gateway.records.usage(broken.requestId)[0]!.status)
  }
  upstream.plan("departs", stall)
  const leaving = new AbortController()
  const departed = gateway.call("chat", ALL_SAMPLES[0]!.request({ text: `departs ${PROMPT}` }), {
    signal: leaving.signal,
  })
  await upstream.arrival("departs")
  leaving.abort()
  await departed.catch(() => undefined)
  const left = await eventually("the departure's row", () =>
    gateway.records.usage().find(({ status }) => status === 499),
  )
  statuses.set(left.request_id, 499)

  await gateway.stop()
  const lines = gateway.records.logLines()
  expect(lines).toHaveLength(statuses.size)
  expect(new Map(lines.map((line) => [line["request_id"], line["status"]]))).toEqual(
    new Map<unknown, unknown>(statuses),
  )
  for (const line of lines) expect(String(line["ts"])).toMatch(/^\d{4}-\d\d-\d\dT/u)
  expect(
    gateway.records.leaks([
      PROMPT,
      ANSWER,
      gateway.token,
      stranger,
      sha256(gateway.token),
      ...gateway.prepared.secrets,
    ]),
  ).toEqual([])
  await upstream.stop()
})
