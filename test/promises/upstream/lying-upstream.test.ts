/** An upstream whose HTTP is odd or false never harms another call, and never the client's reading of its own. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { cutEvery, raw } from "../../helpers/behaviours.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Sample } from "../../helpers/samples.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  first = (await FakeUpstream.start()).otherwise(vendorAnswer("honest"))
  second = (await FakeUpstream.start()).otherwise(vendorAnswer("second"))
  gateway = await startGateway({ upstreams: { first, second } })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

function head(lines: readonly string[], status = "200 OK"): string {
  return [`HTTP/1.1 ${status}`, ...lines, "", ""].join("\r\n")
}

function whole(body: string, lines: readonly string[] = []): string {
  return head(["Content-Type: application/json", ...lines, `Content-Length: ${Buffer.byteLength(body)}`]) + body
}

const STOLEN = "a-planted-answer"

/** What the far end says, and whether the answer in it is to be believed. */
const UNARY: readonly (readonly [
  string,
  (body: string, sample: Sample) => string,
  "believed" | "either" | "refused",
])[] = [
  ["an interim answer first", (body) => head(["Link: </x>; rel=preload"], "103 Early Hints") + whole(body), "either"],
  ["100 Continue first", (body) => head([], "100 Continue") + whole(body), "believed"],
  [
    "trailers",
    (body) =>
      `${head(["Content-Type: application/json", "Transfer-Encoding: chunked"])}${body.length.toString(16)}\r\n${body}\r\n0\r\nX-Trailer: 1\r\n\r\n`,
    "either",
  ],
  [
    "chunk extensions",
    (body) =>
      `${head(["Content-Type: application/json", "Transfer-Encoding: chunked"])}${body.length.toString(16)};x=y\r\n${body}\r\n0\r\n\r\n`,
    "believed",
  ],
  ["no content type", (body) => head([`Content-Length: ${body.length}`]) + body, "believed"],
  ["a planted second answer", (body, sample) => whole(body) + whole(sample.unary(STOLEN)), "either"],
  ["garbage behind the body", (body) => `${whole(body)}\0\0garbage`, "either"],
  [
    "a length that is too short",
    (body) => `${head(["Content-Type: application/json", `Content-Length: ${body.length - 5}`])}${body}`,
    "refused",
  ],
  [
    "a length in letters",
    (body) => `${head(["Content-Type: application/json", "Content-Length: many"])}${body}`,
    "either",
  ],
  [
    "a length and chunks",
    (body) =>
      `${head(["Content-Type: application/json", "Content-Length: 3", "Transfer-Encoding: chunked"])}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    "either",
  ],
  ["a chunk size of letters", (body) => `${head(["Transfer-Encoding: chunked"])}zz\r\n${body}\r\n0\r\n\r\n`, "refused"],
  ["no HTTP at all", (body) => `220 smtp.example ESMTP\r\n${body}`, "refused"],
  ["100 KB of headers", (body) => whole(body, [`X-Big: ${"x".repeat(100_000)}`]), "either"],
  ["an HTTP/1.0 answer", (body) => whole(body).replace("HTTP/1.1", "HTTP/1.0"), "believed"],
  ["status 204", () => head([], "204 No Content"), "refused"],
  ["status 206", (body) => whole(body).replace("200 OK", "206 Partial Content"), "either"],
]

for (const sample of drawn(ALL_SAMPLES)) {
  const { dialect } = sample

  test.each(UNARY.map((row) => [...row] as const))(`${dialect}: %s`, async (name, build, expected) => {
    const marker = `lie <${dialect} ${name}>`
    const own = sample.unary("from the first")
    first.plan(marker, raw([build(own, sample)]))
    const answer = await gateway.call(dialect, sample.request({ text: marker }))
    expect(answer.status).toBe(200)
    expect(answer.text).not.toContain(STOLEN)
    if (expected === "believed") expect(answer.text).toBe(own)
    else if (expected === "refused") expect(answer.text).toBe(sample.unary("second"))
    else expect([own, sample.unary("second")]).toContain(answer.text)
    // The next calls get their own answers, whatever was left on the connection.
    for (let round = 0; round < 3; round += 1) {
      const next = await gateway.call(dialect, sample.request({ text: "next" }))
      expect(next.text).toBe(sample.unary("honest"))
    }
  })

  test(`${dialect}: a planted answer behind a kept connection reaches nobody`, async () => {
    const marker = `planted <${dialect}>`
    const own = sample.unary("from the first")
    // The connection stays open, and the planted answer comes a moment later.
    first.plan(marker, async (exchange) => {
      await exchange.write(whole(own))
      await Bun.sleep(15)
      await exchange.write(whole(sample.unary(STOLEN)))
    })
    const answer = await gateway.call(dialect, sample.request({ text: marker }))
    expect(answer.text).toBe(own)
    await Bun.sleep(30)
    const next = await Promise.all(
      Array.from({ length: 4 }, async () => gateway.call(dialect, sample.request({ text: "next" }))),
    )
    for (const { text } of next) expect(text).not.toContain(STOLEN)
  })

  test(`${dialect}: the chunks of a stream may be cut anywhere below HTTP, too`, async () => {
    const body = sample.frames(["naïve", " €uro", " 😀"]).join("")
    const bytes = Buffer.from(body)
    const middle = bytes.indexOf("€") + 1
    const chunk = (part: Uint8Array): string =>
      `${part.length.toString(16)}\r\n${Buffer.from(part).toString("latin1")}\r\n`
    const wire = Buffer.from(
      head(["Content-Type: text/event-stream", "Transfer-Encoding: chunked"]) +
        chunk(bytes.subarray(0, middle)) +
        chunk(bytes.subarray(middle)) +
        "0\r\n\r\n",
      "latin1",
    )
    await Promise.all(
      [1, 7, 64].map(async (size) => {
        const marker = `wire <${dialect} ${size}>`
        first.plan(marker, raw(cutEvery(wire, size)))
        const answer = await gateway.call(dialect, sample.request({ stream: true, text: marker }))
        expect(answer.text).toBe(body)
      }),
    )
  })
}
