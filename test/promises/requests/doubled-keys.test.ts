/** A governed key that stands twice is refused however it is spelled; all other doublings pass untouched. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import type { Dialect } from "../../helpers/samples.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { at } from "../../helpers/streams.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let upstream: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  upstream = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({ upstreams: { upstream } })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await upstream.stop()
})

const GOVERNED: Readonly<Record<Dialect, readonly (readonly [string, string])[]>> = {
  chat: [
    ["model", '"default"'],
    ["stream", "false"],
    ["stream_options", '{"include_usage":true}'],
    ["n", "1"],
    ["max_tokens", "10"],
    ["max_completion_tokens", "10"],
  ],
  responses: [
    ["model", '"default"'],
    ["stream", "false"],
    ["max_output_tokens", "16"],
    ["previous_response_id", "null"],
  ],
  messages: [
    ["model", '"default"'],
    ["stream", "false"],
    ["max_tokens", "10"],
  ],
}

/** The same key with its second letter as a Unicode escape. */
function escaped(key: string): string {
  return `${key[0]}\\u${key.charCodeAt(1).toString(16).padStart(4, "0")}${key.slice(2)}`
}

for (const sample of drawn(ALL_SAMPLES)) {
  const { dialect } = sample

  test.each(GOVERNED[dialect].map((row) => [...row] as const))(
    `${dialect}: "%s" twice is refused`,
    async (key, value) => {
      const once =
        key === "model" ? sample.request() : sample.request({ extra: { [key]: JSON.parse(value) as unknown } })
      const spelled = key.length > 1 ? escaped(key) : `\\u${key.charCodeAt(0).toString(16).padStart(4, "0")}`
      const before = upstream.exchanges.length
      for (const again of [key, spelled]) {
        for (const body of [`${once.slice(0, -1)},"${again}":${value}}`, `{"${again}": ${value}, ${once.slice(1)}`]) {
          // Messages' sample has a cap of its own already: then this stands three times, which is refused just the same.
          const answer = await gateway.call(dialect, body)
          expectError(answer, dialect, 400, "duplicate-key")
          if (dialect !== "messages") expect(at(parsed(answer), "error", "param")).toBe(key)
        }
      }
      expect(upstream.exchanges.length).toBe(before)
    },
  )

  test(`${dialect}: an escaped spelling alone is the key, and its bytes stay`, async () => {
    const marker = `escaped-${dialect}`
    const body = sample.request({ text: marker }).replace('"model":"default"', '"mo\\u0064el" :\t"def\\u0061ult"')
    const answer = await gateway.call(dialect, body)
    expect(answer.status).toBe(200)
    expect(bodyText(upstream.received(marker)[0]!.request)).toBe(body.replace('"def\\u0061ult"', '"vendor/model-1"'))
  })

  test(`${dialect}: doublings of other keys, and governed names deeper down, pass untouched`, async () => {
    const marker = `deeper-${dialect}`
    const body = sample
      .request({ text: marker })
      .replace(/\}$/u, ',"metadata":{"model":"a","model":"b","stream":1,"stream":2},"odd":1,"odd":2}')
    const answer = await gateway.call(dialect, body)
    expect(answer.status).toBe(200)
    expect(bodyText(upstream.received(marker)[0]!.request)).toBe(body.replace('"default"', '"vendor/model-1"'))
  })
}
