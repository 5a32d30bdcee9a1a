/** An upstream's refusal of the request itself reaches the client as it is, because agents heal themselves by its wording. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { reply } from "../../helpers/behaviours.ts"
import { expectCommonHeaders } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  first = await FakeUpstream.start()
  second = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({
    upstreams: { first, second },
    configure: (config) => {
      for (const provider of Object.values(config.providers)) provider["query"] = { key: QUERY_KEY, v: "2026-05-01" }
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

const QUERY_KEY = "query+key/0123456789"
const WORDING = "prompt is too long: 250000 tokens > 200000 maximum"

for (const sample of drawn(ALL_SAMPLES)) {
  for (const streamed of [false, true]) {
    const kind = `${sample.dialect} ${streamed ? "streamed" : "unary"}`

    test.each([400, 413, 422])(`${kind}: %d is relayed byte by byte and nothing else is tried`, async (status) => {
      const marker = `refusal <${kind} ${status}>`
      const pretty = JSON.stringify(
        JSON.parse(sample.errorBody(WORDING, { type: "invalid_request_error", param: "input" })),
        null,
        3,
      )
      first.plan(marker, reply(pretty, { status }))
      const answer = await gateway.call(sample.dialect, sample.request({ stream: streamed, text: marker }))
      expect({ status: answer.status, text: answer.text }).toEqual({ status, text: pretty })
      expectCommonHeaders(answer, sample.dialect)
      expect(answer.headers.get("content-type")).toStartWith("application/json")
      expect(second.received(marker)).toEqual([])
      const [row] = gateway.records.usage(answer.requestId)
      expect(row).toMatchObject({ status, attempts: 1, fallback_used: 0 })
      expect(row?.error).toBeString()
    })

    test(`${kind}: hosts, keys and organisation ids are masked in it`, async () => {
      const marker = `masked <${kind}>`
      const [key = ""] = gateway.prepared.secrets
      const organisation = "org-Ab12Cd34Ef56Gh78Ij90Kl12"
      const message = `${WORDING}; see ${first.url}/v1 of ${organisation}, key ${key}, /v1?key=${encodeURIComponent(QUERY_KEY)}`
      first.plan(marker, reply(sample.errorBody(message, { type: "invalid_request_error" }), { status: 400 }))
      const answer = await gateway.call(sample.dialect, sample.request({ stream: streamed, text: marker }))
      expect(answer.status).toBe(400)
      expect(answer.text).toContain(WORDING)
      for (const secret of [...gateway.prepared.secrets, organisation, encodeURIComponent(QUERY_KEY)])
        expect(answer.text).not.toContain(secret)
      expect(JSON.parse(answer.text)).toHaveProperty("error")
    })

    test(`${kind}: a masked refusal is JSON that says the rest, however the key is spelt`, async () => {
      const marker = `spelt <${kind}>`
      const [key = ""] = gateway.prepared.secrets
      const escaped = [...Buffer.from(key)].map((byte) => `\\u00${byte.toString(16)}`).join("")
      const body = sample
        .errorBody("KEY is not allowed: KEY64, KEYURL", { type: "invalid_request_error" })
        .replace("KEY64", Buffer.from(`user:${key}`).toString("base64"))
        .replace("KEYURL", `/v1?key=${[...Buffer.from(key)].map((byte) => `%${byte.toString(16)}`).join("")}`)
        .replace("KEY", escaped)
        .replace("{", '{"retryable":true,"model":"model","stream":1,')
      first.plan(marker, reply(body, { status: 400 }))
      const answer = await gateway.call(sample.dialect, sample.request({ stream: streamed, text: marker }))
      const said = JSON.parse(answer.text) as { readonly error: { readonly message: string } }
      // what stands before the key in base64 stays: `user:`
      expect(said).toMatchObject({ retryable: true, stream: 1 })
      expect(said.error.message).toBe("[masked] is not allowed: dXNlcjp[masked], /v1?key=[masked]")
    })

    test(`${kind}: a refusal as octets is relayed too`, async () => {
      const marker = `octets <${kind}>`
      const body = sample.errorBody("No tool output found for tool call call-a.", { type: "invalid_request_error" })
      first.plan(marker, reply(body, { status: 400, headers: { "Content-Type": "application/octet-stream" } }))
      const answer = await gateway.call(sample.dialect, sample.request({ stream: streamed, text: marker }))
      expect({ status: answer.status, text: answer.text }).toEqual({ status: 400, text: body })
    })
  }
}

test("nothing of the refusals stands in log or database", async () => {
  await gateway.stop()
  expect(gateway.records.leaks([...gateway.prepared.secrets, gateway.token, WORDING])).toEqual([])
})
