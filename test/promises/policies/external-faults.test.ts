/** A policy service that hangs, lies, redirects, floods or breaks is survived, with the right error in the right time. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import type { Behaviour } from "../../helpers/fake-upstream.ts"
import { closeAtOnce, flood, raw, reply, resetAtOnce, stream } from "../../helpers/behaviours.ts"
import { targetsOf, type Setup } from "../../helpers/config.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { HeldClock } from "../../helpers/held-clock.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const clock = new HeldClock()
const TIMEOUT_MS = 5000
/** The time of a decision passes, and nothing more comes. */
const silence = [{ wait: () => clock.leap(TIMEOUT_MS) }, { end: "stall" }] as const
const redirect = (location: string, status: number): Behaviour => reply("", { status, headers: { location } })

/** What the service does, and what is recorded. */
const MISDEEDS: Readonly<Record<string, readonly [Behaviour, string]>> = {
  hangs: [raw(silence), "timeout"],
  "stops inside its head": [raw(["HTTP/1.1 200 OK\r\n", ...silence]), "timeout"],
  "never ends": [stream(['{"targetIndex"', ...silence]), "timeout"],
  floods: [flood([], "x".repeat(65_536)), "too-large"],
  "is too large": [reply(`{"targetIndex":0,"metadata":"${"x".repeat(70_000)}"}`), "too-large"],
  resets: [resetAtOnce, "network"],
  closes: [closeAtOnce, "network"],
  "closes in the middle": [raw(['HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"targetIn']), "network"],
  "is no HTTP": [raw(["220 mail.example.com ESMTP\r\n"]), "network"],
  "sends HTML": [reply("<html><body>Welcome</body></html>"), "not-json"],
  "sends invalid UTF-8": [reply(Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), "not-json"],
  "sends nothing": [reply(""), "not-json"],
  denies: [reply('{"targetIndex":0}', { status: 403 }), "status"],
  "names a stranger": [reply('{"targetIndex":2}'), "unknown-target"],
  "names a negative": [reply('{"targetIndex":-1}'), "unknown-target"],
  "names another group's": [reply('{"provider":"first-none","model":"m1"}'), "unknown-target"],
  "names two": [reply('{"targetIndex":0,"target":{"provider":"a","model":"b"}}'), "bad-decision"],
  "redirects as GET": [redirect("decide-again", 302), "redirect"],
  "redirects away": [redirect("http://example.com/decide", 307), "redirect"],
  "redirects to metadata": [redirect("http://169.254.169.254/latest/meta-data", 307), "redirect"],
  "redirects in circles": [redirect("decide", 308), "redirect"],
}

const FORBIDDEN = [
  ["http://169.254.169.254/decide", "169.254.169.254"],
  ["http://[::ffff:169.254.169.254]/decide", "[::ffff:a9fe:a9fe]"],
  ["http://0.0.0.0/decide", "0.0.0.0"],
] as const

let gateway: Gateway
let first: FakeUpstream
let second: FakeUpstream
let service: FakeUpstream

/** A path of the service for each group, so that each group meets one misdeed. */
const pathOf = (group: string): string => `/${group}/decide`
const groupOf = (misdeed: string, onError: "refuses" | "falls-back"): string =>
  `${misdeed.replaceAll(/\W/gu, "-")}-${onError}`

beforeAll(async () => {
  first = (await FakeUpstream.start()).otherwise(vendorAnswer("first"))
  second = (await FakeUpstream.start()).otherwise(vendorAnswer("second"))
  service = await FakeUpstream.start()
  const group = (name: string, policy: object = {}): object => ({
    strategy: "external",
    external_policy: {
      url: service.url + pathOf(name),
      allow_hosts: ["127.0.0.1"],
      timeout_ms: TIMEOUT_MS,
      ...policy,
    },
    targets: targetsOf(["first", "second"]),
  })
  const setup: Setup = {
    upstreams: { first, second },
    configure: (config) => {
      const groups: [string, object][] = [["moved", group("moved", { headers: { "x-policy-key": "secret" } })]]
      for (const [misdeed, [behaviour]] of Object.entries(MISDEEDS)) {
        const [refuses, fallsBack] = [groupOf(misdeed, "refuses"), groupOf(misdeed, "falls-back")]
        groups.push([refuses, group(refuses)], [fallsBack, group(fallsBack, { on_error: "fallback" })])
        for (const name of [refuses, fallsBack]) service.plan(pathOf(name), behaviour)
      }
      for (const [at, [url, host]] of FORBIDDEN.entries())
        groups.push([`forbidden-${at}`, group("", { url, allow_hosts: [host], allow_http: true })])
      config.models = Object.fromEntries(groups) as typeof config.models
      config.callers[0] = { ...config.callers[0], allow: groups.map(([name]) => name) }
    },
  }
  gateway = await startGateway(setup, { clock })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all([first.stop(), second.stop(), service.stop()])
})

const reasonOf = (requestId: string): string | null | undefined =>
  gateway.records.trace(requestId).find((row) => row.event === "policy_execution")?.reason

for (const [what, [, reason]] of Object.entries(MISDEEDS)) {
  test(`a policy service that ${what} is recorded as ${reason}`, async () => {
    for (const sample of ALL_SAMPLES) {
      const text = `refused by <${what}>`
      const asked = sample.request({ model: groupOf(what, "refuses"), text })
      const refused = await gateway.call(sample.dialect, asked)
      expectError(refused, sample.dialect, 502, "routing-policy-error")
      expect([what, reasonOf(refused.requestId)]).toEqual([what, reason])
      expect([...first.received(text), ...second.received(text)]).toEqual([])
      const served = await gateway.call(sample.dialect, sample.request({ model: groupOf(what, "falls-back") }))
      expect([served.status, served.text]).toEqual([200, sample.unary("first")])
      expect(reasonOf(served.requestId)).toBe(reason)
    }
  })
}

test("a redirect that keeps the method, to a listed host, is followed with the body and without the operator's headers", async () => {
  const other = (await FakeUpstream.start()).otherwise(reply('{"targetIndex":1}'))
  service.plan(pathOf("moved"), redirect(`${other.url}/moved`, 307))
  const answer = await gateway.call("chat", SAMPLES.chat.request({ model: "moved" }))
  expect(answer.text).toBe(SAMPLES.chat.unary("second"))
  const [moved] = other.received("/moved")
  expect(moved!.request.body.length).toBeGreaterThan(100)
  expect(moved!.request.headerLines.join("\n")).not.toContain("secret")
  await other.stop()
})

test.each(FORBIDDEN.map(([url], at) => [url, at] as const))("%s is never called", async (_url, at) => {
  const answer = await gateway.call("chat", SAMPLES.chat.request({ model: `forbidden-${at}` }))
  expectError(answer, "chat", 502, "routing-policy-error")
  expect(reasonOf(answer.requestId)).toBe("forbidden")
})
