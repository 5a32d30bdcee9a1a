/** While the upstream of a started stream is silent, the client is told that the stream lives, in its own dialect. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { accumulate } from "../../helpers/accumulate.ts"
import { stream } from "../../helpers/behaviours.ts"
import { eventually, readAnswer } from "../../helpers/client.ts"
import type { Answer } from "../../helpers/client.ts"
import type { Setup } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import type { Frame } from "../../helpers/streams.ts"
import { at, framesOf, jsonOf, SUCCESS_TERMINAL, terminalsOf } from "../../helpers/streams.ts"
import { ALL_PAIRS, FOREIGN_PAIRS, groupOf, translating } from "../../helpers/translating.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway
const clock = new HeldClock()
/** A silence longer than this is bridged; it is found out to the second, and from the second on. */
const SILENCE_MS = 15_000
const BRIDGED_MS = SILENCE_MS + 2000

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  const setup: Setup = { upstreams: { upstream }, configure: (config) => translating(config, ["upstream"]) }
  gateway = await startGateway(setup, { clock })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const IS_KEEP_ALIVE: Readonly<Record<Dialect, (frame: Frame) => boolean>> = {
  chat: ({ text, data }) => data === undefined && text.startsWith(":"),
  responses: ({ event }) => event === "keepalive",
  messages: ({ event }) => event === "ping",
}

function keepAlives(dialect: Dialect, text: string): readonly Frame[] {
  return framesOf(text).filter((frame) => IS_KEEP_ALIVE[dialect](frame))
}

/** A whole answer whose upstream falls silent behind its first content, in the middle of a frame, until the client has seen `count` keep-alives. */
async function silentAnswer(client: Dialect, target: Dialect, count: number): Promise<Answer> {
  const marker = `silent <${client} ${target}>`
  const silence = Promise.withResolvers<void>()
  const { framesBeforeContent } = SAMPLES[target]
  const all = SAMPLES[target].frames()
  const next = all[framesBeforeContent + 1] ?? ""
  upstream.plan(
    marker,
    stream([
      all.slice(0, framesBeforeContent + 1).join("") + next.slice(0, 25),
      { until: silence.promise },
      next.slice(25) + all.slice(framesBeforeContent + 2).join(""),
    ]),
  )
  const model = groupOf("upstream", target)
  const response = await gateway.open(client, SAMPLES[client].request({ model, stream: true, text: marker }))
  let seen = 0
  const answer = readAnswer(response, (text) => void (seen = keepAlives(client, text).length))
  for (let bridge = 1; bridge <= count; bridge += 1) {
    await clock.advance(BRIDGED_MS)
    await eventually(`keep-alive ${bridge}`, () => (seen >= bridge ? true : undefined))
  }
  silence.resolve()
  return answer
}

function without(dialect: Dialect, text: string): string {
  return framesOf(text)
    .filter((frame) => !IS_KEEP_ALIVE[dialect](frame))
    .map((frame) => frame.text)
    .join("")
}

test.each(drawn(ALL_PAIRS, 3))(
  "%s client, %s upstream: silence is bridged between whole frames",
  async (client, target) => {
    const answer = await silentAnswer(client, target, 3)
    expect({ status: answer.status, broken: answer.broken }).toEqual({ status: 200, broken: false })
    expect(keepAlives(client, answer.text).length).toBeGreaterThanOrEqual(3)
    expect(terminalsOf(client, answer.text)).toEqual([SUCCESS_TERMINAL[client]])
    const made = JSON.stringify(await accumulate(client, answer.bytes))
    expect(made).toContain("Hi there")
  },
)

test.each(drawn(DIALECTS))("%s: the upstream's own bytes stay as they are", async (dialect) => {
  const answer = await silentAnswer(dialect, dialect, 2)
  expect(without(dialect, answer.text)).toBe(SAMPLES[dialect].frames().join(""))
})

test("responses: in the same dialect the number of the last event is repeated", async () => {
  const answer = await silentAnswer("responses", "responses", 2)
  const bridges = keepAlives("responses", answer.text).map(jsonOf)
  const last = SAMPLES.responses.framesBeforeContent
  expect(new Set(bridges.map((bridge) => at(bridge, "sequence_number")))).toEqual(new Set([last]))
  expect(bridges[0]).toEqual({ type: "keepalive", sequence_number: last })
})

test.each(FOREIGN_PAIRS.filter(([client]) => client === "responses"))(
  "%s client, %s upstream: translated keep-alives count like every event",
  async (client, target) => {
    const answer = await silentAnswer(client, target, 2)
    const numbers = framesOf(answer.text).map((frame) => at(jsonOf(frame), "sequence_number"))
    expect(numbers).toEqual(numbers.map((_, index) => index))
  },
)

test("nothing is added while the upstream is silent for less than the interval", async () => {
  const all = SAMPLES.chat.frames()
  const cut = SAMPLES.chat.framesBeforeContent + 1
  const [head, rest] = [all.slice(0, cut), all.slice(cut)]
  const silence = Promise.withResolvers<void>()
  upstream.plan("patient", stream([head.join(""), { until: silence.promise }, rest.join("")]))
  const response = await gateway.open("chat", SAMPLES.chat.request({ stream: true, text: "patient" }))
  const reading = readAnswer(response)
  await clock.advance(SILENCE_MS - 1000)
  silence.resolve()
  const answer = await reading
  expect(answer.text).toBe(all.join(""))
})
