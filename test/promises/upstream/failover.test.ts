/** A fault that another target could cure is cured by it, before the client has seen any content. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { gzipSync } from "node:zlib"
import type { ErrorCode } from "../../../src/error-catalogue.ts"
import { closeAtOnce, raw, reply, resetAtOnce, stall, stream } from "../../helpers/behaviours.ts"
import type { Setup } from "../../helpers/config.ts"
import { callerEntry, targetsOf } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import type { Behaviour } from "../../helpers/fake-upstream.ts"
import { closedPort, FakeUpstream } from "../../helpers/fake-upstream.ts"
import type { Gateway } from "../../helpers/gateway.ts"
import { startGateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import type { Sample } from "../../helpers/samples.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer, vendorBytes } from "../../helpers/vendor.ts"
import { drawn } from "../../helpers/sample.ts"

interface Fault {
  readonly name: string
  /** What a target does; the dialect decides the bytes. */
  readonly behave: (sample: Sample) => Behaviour
  /** What the caller is told when every target does it. */
  readonly status: number
  readonly code: ErrorCode
  readonly group?: string
  /** Only with streams, or only without. */
  readonly only?: "stream" | "unary"
}

const failed = { status: 502, code: "upstream-failed" } as const
const denied = { status: 503, code: "upstream-access-denied" } as const

function status(code: number, expected: { readonly status: number; readonly code: ErrorCode }): Fault {
  return { name: `status ${code}`, behave: (sample) => reply(sample.errorBody("no"), { status: code }), ...expected }
}

/** The terminal frame, with nothing in it and nothing before it. */
function bareEnd(sample: Sample): string {
  const type = "response.completed"
  return sample.dialect === "responses"
    ? `event: ${type}\ndata: {"type":"${type}"}\n\n`
    : (sample.frames().at(-1) ?? "")
}

const FAULTS: readonly Fault[] = [
  { name: "connection refused", behave: () => resetAtOnce, group: "refused", ...failed },
  { name: "reset before the head", behave: () => resetAtOnce, ...failed },
  { name: "end before the head", behave: () => closeAtOnce, ...failed },
  { name: "silence", behave: () => stall, group: "impatient", status: 504, code: "upstream-timeout" },
  status(429, { status: 503, code: "upstream-rate-limited" }),
  status(500, failed),
  status(502, failed),
  status(503, failed),
  status(529, failed),
  status(401, denied),
  status(403, denied),
  status(404, denied),
  status(402, { status: 503, code: "upstream-quota-exhausted" }),
  {
    name: "a 400 that names the model",
    behave: (sample) =>
      reply(
        sample.errorBody("The model `vendor/model-1` does not exist", {
          type: "invalid_request_error",
          code: "model_not_found",
          param: "model",
        }),
        { status: sample.dialect === "messages" ? 404 : 400 },
      ),
    ...denied,
  },
  { name: "HTML with 200", behave: () => reply("<html><body>Sign in</body></html>", html()), ...failed },
  { name: "a JSON error with 200", behave: (sample) => reply(sample.errorBody("broken")), ...failed },
  {
    name: "a JSON error as octets with 200",
    behave: (sample) => reply(sample.errorBody("broken"), { headers: { "Content-Type": "application/octet-stream" } }),
    ...failed,
  },
  { name: "unrelated JSON with 200", behave: () => reply('{"hello":"world"}'), ...failed },
  { name: "an empty body with 200", behave: () => reply(""), ...failed },
  { name: "a redirect", behave: () => reply("", { status: 302, headers: { Location: "/v1/elsewhere" } }), ...failed },
  { name: "a body cut short", behave: (sample) => cutShort(sample), only: "unary", ...failed },
  { name: "an empty stream", behave: () => stream([]), only: "stream", ...failed },
  {
    name: "a stream that ends and says nothing",
    behave: (sample) => stream([bareEnd(sample)]),
    only: "stream",
    ...failed,
  },
  { name: "an error event first", behave: (sample) => stream([sample.errorFrame]), only: "stream", ...failed },
  {
    name: "an error event after the preamble",
    behave: (sample) => stream([...preamble(sample), sample.errorFrame]),
    only: "stream",
    ...failed,
  },
  {
    name: "a reset after the preamble",
    behave: (sample) => stream([...preamble(sample), { end: "reset" }]),
    only: "stream",
    ...failed,
  },
  {
    name: "an early end after the preamble",
    behave: (sample) => stream([...preamble(sample), { end: "close" }]),
    only: "stream",
    ...failed,
  },
  { name: "a clean end after the preamble", behave: (sample) => stream(preamble(sample)), only: "stream", ...failed },
  {
    name: "silence after the preamble",
    behave: (sample) => stream([...preamble(sample), { end: "stall" }]),
    only: "stream",
    group: "impatient",
    status: 504,
    code: "upstream-timeout",
  },
]

function html(): { readonly headers: Readonly<Record<string, string>> } {
  return { headers: { "Content-Type": "text/html" } }
}

function preamble(sample: Sample): readonly string[] {
  return sample.frames().slice(0, sample.framesBeforeContent)
}

function cutShort(sample: Sample): Behaviour {
  const body = sample.unary()
  const head = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
  return raw([head + body.slice(0, -20), { end: "close" }])
}

const at = (port: number) => ({ url: `http://127.0.0.1:${port}` })
/** Of both targets together less than a streaming client waits for its status. */
const PATIENCE_MS = 7000
const clock = new HeldClock()

/** Sends the call; where the targets are silent, their time passes once each was asked. */
async function callAt(silent: readonly FakeUpstream[], fault: Fault, sample: Sample, body: string, marker: string) {
  const answer = gateway.call(sample.dialect, body)
  if (fault.group === "impatient")
    for (const upstream of silent) {
      await upstream.arrival(marker)
      await clock.leap(PATIENCE_MS)
    }
  return answer
}

let first: FakeUpstream
let second: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  first = await FakeUpstream.start()
  second = (await FakeUpstream.start()).otherwise(vendorAnswer())
  const [closed, shut] = await Promise.all([closedPort(), closedPort()])
  const allow = ["default", "refused", "all-refused", "impatient"]
  const setup: Setup = {
    upstreams: { first, second, closed: at(closed), shut: at(shut) },
    configure: (config) => {
      config.models = {
        default: { strategy: "failover", targets: targetsOf(["first", "second"]) },
        refused: { strategy: "failover", targets: targetsOf(["closed", "second"]) },
        "all-refused": { strategy: "failover", targets: targetsOf(["closed", "shut"]) },
        impatient: { strategy: "failover", attempt_timeout_ms: PATIENCE_MS, targets: targetsOf(["first", "second"]) },
      }
      config.callers = config.callers.map((caller) => ({ ...caller, allow }))
    },
  }
  gateway = await startGateway(setup, { clock })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop()])
})

for (const sample of drawn(ALL_SAMPLES)) {
  for (const streamed of [false, true]) {
    const kind = `${sample.dialect} ${streamed ? "streamed" : "unary"}`
    const faults = FAULTS.filter(({ only }) => only === undefined || (only === "stream") === streamed)
    for (const fault of faults) {
      const { name } = fault

      test(`${kind}: ${name} is cured by the next target`, async () => {
        const marker = `cured <${kind} ${name}>`
        first.plan(marker, fault.behave(sample))
        const { dialect } = sample
        const model = fault.group ?? "default"
        const body = sample.request({ model, stream: streamed, text: marker })
        const answer = await callAt([first], fault, sample, body, marker)
        expect({ status: answer.status, text: answer.text }).toEqual({
          status: 200,
          text: vendorBytes(sample, streamed),
        })
        const [row] = gateway.records.usage(answer.requestId)
        const all = gateway.records.attempts(answer.requestId)
        // a kept connection that ends at once was closing: that is an attempt of its own, before the target's fault
        const attempts = all.filter(({ error_class }) => error_class !== "stale_connection")
        expect(row).toMatchObject({
          status: 200,
          attempts: all.length,
          fallback_used: 1,
          target_provider: `second-${dialect}`,
          error: null,
        })
        expect(attempts.map(({ selected }) => selected)).toEqual([0, 1])
        expect(attempts[0]?.error_class).toBeString()
        expect(attempts[0]?.timed_out).toBe(fault.code === "upstream-timeout" ? 1 : 0)
      })

      test(`${kind}: ${name} everywhere is told as what it is`, async () => {
        const marker = `everywhere <${kind} ${name}>`
        first.plan(marker, fault.behave(sample))
        second.plan(marker, fault.behave(sample))
        const model = fault.group === "refused" ? "all-refused" : (fault.group ?? "default")
        const body = sample.request({ model, stream: streamed, text: marker })
        const answer = await callAt([first, second], fault, sample, body, marker)
        expectError(answer, sample.dialect, fault.status, fault.code)
        const seen = answer.text + JSON.stringify([...answer.headers])
        for (const secret of gateway.prepared.secrets) expect(seen).not.toContain(secret)
        const [row] = gateway.records.usage(answer.requestId)
        const all = gateway.records.attempts(answer.requestId)
        const attempts = all.filter(({ error_class }) => error_class !== "stale_connection")
        expect(attempts).toHaveLength(2)
        expect(row).toMatchObject({ status: fault.status, attempts: all.length, error: fault.code })
        expect(gateway.records.errors(answer.requestId)).toMatchObject([{ code: fault.code, status: fault.status }])
      })
    }
  }

  test(`${sample.dialect}: an answer compressed without being asked never reaches the client as garbage`, async () => {
    const marker = `gzip <${sample.dialect}>`
    const headers = { "Content-Type": "application/json", "Content-Encoding": "gzip" }
    first.plan(marker, reply(gzipSync(sample.unary("zipped")), { headers }))
    const answer = await gateway.call(sample.dialect, sample.request({ text: marker }))
    expect([sample.unary("zipped"), sample.unary()]).toContain(answer.text)
    expect(answer.headers.get("content-encoding")).toBeNull()
  })

  test(`${sample.dialect}: nothing follows a redirect`, async () => {
    const marker = `redirect <${sample.dialect}>`
    first.plan(marker, reply("", { status: 307, headers: { Location: `${first.url}/v1/elsewhere-${sample.dialect}` } }))
    await gateway.call(sample.dialect, sample.request({ text: marker }))
    expect(first.received(`elsewhere-${sample.dialect}`)).toEqual([])
  })
}

test("a target outside the group is never tried", async () => {
  const stranger = await FakeUpstream.start()
  await using lone = await startGateway({
    upstreams: { first, stranger },
    configure: (config) => {
      config.models = {
        default: { strategy: "failover", targets: targetsOf(["first"]) },
        other: { strategy: "failover", targets: targetsOf(["stranger"]) },
      }
      config.callers = [callerEntry("me-lab", "token-of-this-test", ["default", "other"])]
    },
  })
  for (const sample of ALL_SAMPLES) {
    first.plan(`alone <${sample.dialect}>`, reply(sample.errorBody("no"), { status: 500 }))
    const body = sample.request({ text: `alone <${sample.dialect}>` })
    const answer = await lone.call(sample.dialect, body, { token: "token-of-this-test" })
    expectError(answer, sample.dialect, 502, "upstream-failed")
  }
  expect(stranger.exchanges).toEqual([])
  await stranger.stop()
})

test("no key or host of a provider stands in log or database", async () => {
  await gateway.stop()
  expect(gateway.records.leaks([...gateway.prepared.secrets, gateway.token])).toEqual([])
})
