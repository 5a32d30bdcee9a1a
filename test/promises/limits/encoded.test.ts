/** Only files are counted as files: text that looks like one is reserved as text. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { expectError } from "../../helpers/expectations.ts"
import { DIALECTS, SAMPLES, type Dialect } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { upstream },
    configure: (config) => {
      config.callers[0]!["quota"] = { day: { tokens: 30_000 } }
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const WORDS = "some words of a very long text ".repeat(6000)
const LETTERS = "somewordsofaverylongtext".repeat(8000)
const TEXTS: Readonly<Record<string, string>> = {
  "a mark in front of words": `;base64,${WORDS}`,
  "a data URL of words": `data:image/png;base64,${WORDS}`,
  "a data URL of letters": `data:image/png;base64,${LETTERS}`,
  "a key in front of words": `{"data": "${WORDS}"}`,
  "an image in front of words": `"image_url":"data:image/png;base64,${WORDS}"`,
}

for (const dialect of drawn(DIALECTS)) {
  for (const [name, text] of Object.entries(TEXTS)) {
    test(`${dialect}: ${name}`, async () => {
      const before = upstream.exchanges.length
      const answer = await gateway.call(dialect, SAMPLES[dialect].request({ text, extra: capOf(dialect) }))
      expectError(answer, dialect, 429, "quota-exhausted")
      expect(upstream.exchanges.length).toBe(before)
    })
  }
}

test("messages: words where a file stands", async () => {
  const source = { type: "base64", media_type: "application/pdf", data: WORDS }
  const content = [{ type: "document", source }]
  const answer = await gateway.call("messages", request("messages", { messages: [{ role: "user", content }] }))
  expectError(answer, "messages", 429, "quota-exhausted")
})

const BYTES = Buffer.alloc(150_000, "any bytes").toString("base64")
const URL = `data:image/png;base64,${BYTES}`
const IMAGES: Readonly<Record<Dialect, object>> = {
  chat: { messages: [{ role: "user", content: [{ type: "image_url", image_url: { url: URL, detail: "low" } }] }] },
  responses: { input: [{ role: "user", content: [{ type: "input_image", image_url: URL }] }] },
  messages: {
    messages: [
      {
        role: "user",
        content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: BYTES } }],
      },
    ],
  },
}

for (const dialect of drawn(DIALECTS)) {
  test(`${dialect}: an image is not counted as text`, async () => {
    expect((await gateway.call(dialect, request(dialect, IMAGES[dialect]))).status).toBe(200)
  })
  test(`${dialect}: an image is not counted as text when spaces and escaped slashes write it`, async () => {
    const body = JSON.stringify(JSON.parse(request(dialect, IMAGES[dialect])), null, 2).replaceAll("/", "\\/")
    expect((await gateway.call(dialect, body)).status).toBe(200)
  })
}

function capOf(dialect: Dialect): Record<string, unknown> {
  return dialect === "responses" ? { max_output_tokens: 16 } : { max_tokens: 16 }
}

function request(dialect: Dialect, more: object): string {
  return SAMPLES[dialect].request({ extra: { ...more, ...capOf(dialect) } })
}
