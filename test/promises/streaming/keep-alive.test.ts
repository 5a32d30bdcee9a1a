/** While the upstream of a started stream is silent, the client is told that the stream lives, in its own dialect. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { startRouter } from "../../../src/server/start.ts"
import { accumulate } from "../../helpers/accumulate.ts"
import { stream } from "../../helpers/behaviours.ts"
import { readAnswer } from "../../helpers/client.ts"
import type { Answer } from "../../helpers/client.ts"
import type { Setup } from "../../helpers/config.ts"
import { prepare } from "../../helpers/config.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { gatewayAt, startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { DIALECTS, SAMPLES } from "../../helpers/samples.ts"
import type { Frame } from "../../helpers/streams.ts"
import { at, framesOf, jsonOf, SUCCESS_TERMINAL, terminalsOf } from "../../helpers/streams.ts"
import { ALL_PAIRS, FOREIGN_PAIRS, groupOf, translating } from "../../helpers/translating.ts"

let upstream: FakeUpstream
let gateway: Gateway
let patient: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  const setup: Setup = { upstreams: { upstream }, configure: (config) => translating(config, ["upstream"]) }
  gateway = await startImpatient(setup)
  patient = await startGateway(setup)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await patient[Symbol.asyncDispose]()
  await upstream.stop()
})

/** A router that takes a few milliseconds for a long silence. */
async function startImpatient(setup: Setup): Promise<Gateway> {
  const prepared = prepare(setup)
  const router = await startRouter({
    configPath: prepared.configPath,
    env: prepared.env,
    listen: { hostname: "127.0.0.1", port: 0 },
    keepAliveAfterMs: 30,
  })
  return gatewayAt(router.url, prepared, () => router.stop(300))
}

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
  return readAnswer(response, (text) => {
    if (keepAlives(client, text).length >= count) silence.resolve()
  })
}

function without(dialect: Dialect, text: string): string {
  return framesOf(text)
    .filter((frame) => !IS_KEEP_ALIVE[dialect](frame))
    .map((frame) => frame.text)
    .join("")
}

test.each([...ALL_PAIRS])("%s client, %s upstream: silence is bridged between whole frames", async (client, target) => {
  const answer = await silentAnswer(client, target, 3)
  expect({ status: answer.status, broken: answer.broken }).toEqual({ status: 200, broken: false })
  expect(keepAlives(client, answer.text).length).toBeGreaterThanOrEqual(3)
  expect(terminalsOf(client, answer.text)).toEqual([SUCCESS_TERMINAL[client]])
  const made = JSON.stringify(await accumulate(client, answer.bytes))
  expect(made).toContain("Hi there")
})

test.each([...DIALECTS])("%s: the upstream's own bytes stay as they are", async (dialect) => {
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
  upstream.plan("patient", stream([head.join(""), { waitMs: 120 }, rest.join("")]))
  const answer = await patient.call("chat", SAMPLES.chat.request({ stream: true, text: "patient" }))
  expect(answer.text).toBe(all.join(""))
})
