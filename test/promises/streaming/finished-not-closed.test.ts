/** A stream that has said its finish and is not closed is a whole answer within 2 s, with the usage that it reported. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { stream, type Step } from "../../helpers/behaviours.ts"
import { eventually, readAnswer } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { SUCCESS_TERMINAL, terminalsOf } from "../../helpers/streams.ts"
import { groupOf, translating } from "../../helpers/translating.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway
const clock = new HeldClock()
const WITHIN_MS = 2000

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway(
    { upstreams: { upstream }, configure: (config) => translating(config, ["upstream"]) },
    { clock },
  )
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

/** All frames but the terminal one; of Responses that is the finish itself. */
const FINISHED: readonly Dialect[] = ["chat", "messages"]
const PAIRS = DIALECTS.flatMap((client) => FINISHED.map((target) => [client, target] as const))

interface Course {
  readonly marker: string
  readonly steps: readonly Step[]
  readonly passing: (seen: () => string) => Promise<void>
}

async function answerOf(client: Dialect, target: Dialect, { marker, steps, passing }: Course) {
  upstream.plan(marker, stream([...steps, { end: "stall" }]))
  const model = groupOf("upstream", target)
  let seen = ""
  const response = await gateway.open(client, SAMPLES[client].request({ model, stream: true, text: marker }))
  const reading = readAnswer(response, (text) => (seen = text))
  await passing(() => seen)
  const answer = await reading
  await (
    await upstream.arrival(marker)
  ).left
  return { answer, row: gateway.records.usage(answer.requestId)[0] }
}

const { input, output } = SAMPLES.chat.usage
const WHOLE = {
  status: 200,
  error: null,
  input_tokens: input,
  output_tokens: output,
  usage_source: "provider",
} as const

/** The last word and what follows it come in one piece: the router has all of it once the client has the word. */
async function saw(seen: () => string): Promise<void> {
  await eventually("the last word", () => (seen().includes(" there") ? true : undefined))
}

test.each(drawn(PAIRS, 2))(
  "%s client, %s target: what is finished and stays open ends as complete",
  async (client, target) => {
    const marker = `open <${client} ${target}>`
    const frames = SAMPLES[target].frames().slice(0, -1).join("")
    const { answer, row } = await answerOf(client, target, {
      marker,
      steps: [frames],
      passing: async (seen) => {
        await saw(seen)
        await clock.advance(WITHIN_MS)
      },
    })
    expect(answer.broken).toBe(false)
    expect(terminalsOf(client, answer.text)).toEqual([SUCCESS_TERMINAL[client]])
    // in its own dialect the router adds nothing else
    if (client === target) expect(answer.text).toBe(SAMPLES[target].frames().join(""))
    expect(row).toMatchObject(WHOLE)
  },
)

test.each(drawn(PAIRS, 2))(
  "%s client, %s target: heartbeats behind the finish prolong nothing",
  async (client, target) => {
    const marker = `beats <${client} ${target}>`
    const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>())
    const beat = target === "messages" ? 'event: ping\ndata: {"type":"ping"}\n\n' : ": beat\n\n"
    const frames = SAMPLES[target].frames().slice(0, -1).join("")
    const { row } = await answerOf(client, target, {
      marker,
      steps: [frames, ...gates.flatMap(({ promise }) => [{ until: promise }, beat])],
      passing: async (seen) => {
        await saw(seen)
        for (const gate of gates) {
          gate.resolve()
          await clock.advance(WITHIN_MS / gates.length)
        }
      },
    })
    expect(row).toMatchObject(WHOLE)
  },
)

test("content behind the finish is waited for: a server that says so too early loses nothing", async () => {
  const [role = "", hi = "", there = "", finish = "", ...rest] = SAMPLES.chat.frames()
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
  const word = (text: string) => async (seen: () => string) =>
    eventually(text, () => (seen().includes(text) ? true : undefined))
  const { answer, row } = await answerOf("chat", "chat", {
    marker: "early",
    steps: [role + hi + finish, { until: gates[0].promise }, there, { until: gates[1].promise }, rest.join("")],
    passing: async (seen) => {
      await word('"finish_reason":"stop"')(seen)
      await clock.advance(1000)
      gates[0].resolve()
      await word(" there")(seen)
      await clock.advance(1000)
      gates[1].resolve()
      // the usage passes; the end is held until the upstream has had its time to close
      const exchange = await upstream.arrival("early")
      await eventually("all", () => (exchange.sentBytes >= SAMPLES.chat.frames().join("").length ? true : undefined))
      await clock.advance(WITHIN_MS)
    },
  })
  expect(answer.text).toContain(" there")
  expect(row).toMatchObject(WHOLE)
})

test("a finish without usage ends as complete too, and its usage is estimated", async () => {
  const frames = SAMPLES.chat.frames().filter((frame) => !frame.includes('"usage":{') && !frame.includes("[DONE]"))
  const { row } = await answerOf("chat", "chat", {
    marker: "uncounted",
    steps: [frames.join("")],
    passing: async (seen) => {
      await saw(seen)
      await clock.advance(WITHIN_MS)
    },
  })
  expect(row).toMatchObject({ status: 200, error: null, usage_source: "estimated" })
})
