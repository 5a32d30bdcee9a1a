/** A client that leaves cancels the upstream, and the row says so. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import type { UsageRow } from "../../../src/ledger/record.ts"
import { stall, stream } from "../../helpers/behaviours.ts"
import { eventually } from "../../helpers/client.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { connectRaw, requestBytes } from "../../helpers/raw-client.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  first = await FakeUpstream.start()
  second = (await FakeUpstream.start()).otherwise(vendorAnswer())
  gateway = await startGateway({ upstreams: { first, second } })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

/** Departures that a test has already looked at. */
const seen = new Set<string>()

async function newDeparture(): Promise<UsageRow> {
  const row = await eventually("a new row with status 499", () =>
    gateway.records.usage().find(({ status, request_id }) => status === 499 && !seen.has(request_id)),
  )
  seen.add(row.request_id)
  return row
}

for (const sample of drawn(ALL_SAMPLES)) {
  const { dialect } = sample
  for (const how of ["close", "reset"] as const) {
    for (const when of ["before any answer, unary", "before any answer, streamed", "after content"] as const) {
      test(`${dialect}: leaving by ${how} ${when} cancels the upstream`, async () => {
        const marker = `left-${dialect}-${how}-${when.replaceAll(/\W+/gu, "-")}`
        const sent = sample.frames().slice(0, sample.framesBeforeContent + 1)
        first.plan(marker, when === "after content" ? stream([...sent, { end: "stall" }]) : stall)
        const client = await connectRaw(gateway.url)
        const body = sample.request({ stream: when !== "before any answer, unary", text: marker })
        const lines = [
          `POST ${sample.path} HTTP/1.1`,
          `Authorization: Bearer ${gateway.token}`,
          "Content-Type: application/json",
        ]
        await client.write(requestBytes(lines, body))
        const exchange = await first.arrival(marker)
        if (when === "after content") await client.until(/Hi/u)
        expect(exchange.gone).toBe(false)
        if (how === "reset") client.reset()
        else client.destroy()
        await exchange.left
        const row = await newDeparture()
        expect(row).toMatchObject({ error: "client-closed", attempts: 1, inbound_dialect: sample.configName })
        expect(gateway.records.attempts(row.request_id)).toMatchObject([{ client_canceled: 1 }])
        expect(second.received(marker)).toEqual([])
      })
    }
  }
}

test("departures never count against a target: it is still the first choice", async () => {
  const [sample] = ALL_SAMPLES
  first.plan("still first", vendorAnswer("first"))
  const answer = await gateway.call("chat", sample!.request({ text: "still first" }))
  expect(answer.text).toBe(sample!.unary("first"))
})
