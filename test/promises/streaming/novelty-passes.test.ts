/** What the router does not know goes through as it is: members, blocks, events, framing, numbers. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { cutEvery, reply, stream } from "../../helpers/behaviours.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Sample } from "../../helpers/samples.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { drawn, sampled } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = await FakeUpstream.start()
  gateway = await startGateway({ upstreams: { upstream } })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const ODD_MEMBERS = [
  '"tomorrow" : {"new_block":[{"type":"hologram","x":1e3}]}',
  '"big":123456789012345678901234567890',
  '"tiny":1E-400,"huge":1e999,"zero":-0.0',
  '"__proto__":{"polluted":true},"constructor":{"prototype":null}',
  '"escapes":"\\u00e9\\/\\ud83d\\ude00 \\b\\f \\u0000"',
  '"lone":"\\ud800"',
  '"":""',
]

const STREAMS: readonly (readonly [string, (sample: Sample) => string])[] = [
  [
    "an unknown event",
    (sample) => within(sample, 'event: tomorrow.event\ndata: {"type":"tomorrow.event","x":[1,2]}\n\n'),
  ],
  ["comments and empty frames", (sample) => within(sample, ": keep-alive\n\n\n\n:\n\n")],
  ["ids, retry and unknown fields", (sample) => within(sample, "id: 7\nretry: 100\nnovel: field\n: and a comment\n\n")],
  ["data that is no JSON", (sample) => within(sample, "data: not json\n\n")],
  ["CRLF line ends", (sample) => sample.frames().join("").replaceAll("\n", "\r\n")],
  ["CR line ends", (sample) => sample.frames().join("").replaceAll("\n", "\r")],
  [
    "mixed line ends",
    (sample) =>
      sample
        .frames()
        .map((frame, index) => (index % 2 === 0 ? frame : frame.replaceAll("\n", "\r\n")))
        .join(""),
  ],
  [
    "no space after the colon",
    (sample) => sample.frames().join("").replaceAll("data: ", "data:").replaceAll("event: ", "event:"),
  ],
  [
    "data before event",
    (sample) =>
      sample
        .frames()
        .map((frame) => frame.replace(/^(event: .*\n)(data: .*\n)/u, "$2$1"))
        .join(""),
  ],
  ["a byte order mark", (sample) => `\uFEFF${sample.frames().join("")}`],
  ["characters of every length", (sample) => sample.frames(["é", "€uro", "😀", "e\u0301", "\u2028"]).join("")],
  ["a long frame", (sample) => sample.frames(["x".repeat(300_000)]).join("")],
]

function within(sample: Sample, extra: string): string {
  return sample
    .frames()
    .map((frame, index, all) => (index > 0 && index < all.length - 1 ? extra + frame : frame))
    .join("")
}

for (const sample of drawn(ALL_SAMPLES)) {
  const { dialect } = sample

  test.each(sampled(ODD_MEMBERS, 3))(`${dialect}: the request member %s passes`, async (member) => {
    const marker = `member <${dialect}> ${ODD_MEMBERS.indexOf(member)};`
    upstream.plan(marker, reply(sample.unary()))
    const body = sample.request({ text: marker }).replace(/\}$/u, `\n ,${member} } `)
    const answer = await gateway.call(dialect, body)
    expect(answer.status).toBe(200)
    expect(bodyText(upstream.received(marker)[0]!.request)).toBe(body.replace('"default"', '"vendor/model-1"'))
  })

  test(`${dialect}: an answer's bytes come back as they are`, async () => {
    const marker = `answer <${dialect}>`
    const odd = ` \n${sample.unary("naïve 😀").replace(/\}$/u, `\t,${ODD_MEMBERS.join(",")}}`)}\n\n`
    upstream.plan(marker, reply(odd))
    const answer = await gateway.call(dialect, sample.request({ text: marker }))
    expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: odd })
  })

  test.each(sampled(STREAMS, 5).map((row) => [...row] as const))(
    `${dialect}: a stream with %s passes, cut anywhere`,
    async (name, build) => {
      const bytes = build(sample)
      await Promise.all(
        [1, 3, 17, 100_000].map(async (size) => {
          const marker = `stream <${dialect} ${name} ${size}>`
          upstream.plan(
            marker,
            stream(bytes.length > 100_000 && size < 100 ? cutEvery(bytes, 5000 + size) : cutEvery(bytes, size)),
          )
          const answer = await gateway.call(dialect, sample.request({ stream: true, text: marker }))
          expect({ status: answer.status, text: answer.text }).toEqual({ status: 200, text: bytes })
          const [row] = gateway.records.usage(answer.requestId)
          expect(row).toMatchObject({
            input_tokens: sample.usage.input,
            output_tokens: sample.usage.output,
            error: null,
          })
        }),
      )
    },
  )
}
