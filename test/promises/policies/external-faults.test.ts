/** A policy service that hangs, lies, redirects, floods or breaks is survived, with the right error in the right time. */
import { expect, test } from "bun:test"
import type { Behaviour } from "../../helpers/fake-upstream.ts"
import { closeAtOnce, flood, raw, reply, resetAtOnce, stall, stream } from "../../helpers/behaviours.ts"
import { expectError } from "../../helpers/expectations.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { ALL_SAMPLES } from "../../helpers/samples.ts"
import { startWith, type Scripted } from "../../helpers/scripted.ts"

const redirect = (location: string, status: number): Behaviour => reply("", { status, headers: { location } })

/** What the service does, and what is recorded. */
const MISDEEDS: Readonly<Record<string, readonly [Behaviour, string]>> = {
  hangs: [stall, "timeout"],
  "stops inside its head": [raw(["HTTP/1.1 200 OK\r\n", { until: new Promise<void>(() => {}) }]), "timeout"],
  "never ends": [stream(['{"targetIndex"', { until: new Promise<void>(() => {}) }]), "timeout"],
  floods: [flood([], "x".repeat(65_536)), "too-large"],
  "is too large": [reply(`{"targetIndex":0,"metadata":"${"x".repeat(70_000)}"}`), "too-large"],
  resets: [resetAtOnce, "network"],
  closes: [closeAtOnce, "network"],
  "closes in the middle": [raw(['HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"targetIn']), "network"],
  "is no HTTP": [raw(["220 mail.example.com ESMTP\r\n"]), "network"],
  "sends HTML": [reply("<html><body>Welcome</body></html>"), "not-json"],
  "sends invalid UTF-8": [reply(Uint8Array.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), "not-json"],
  "sends nothing": [reply(""), "not-json"],
  "sends a list": [reply("[0]"), "bad-decision"],
  fails: [reply('{"targetIndex":0}', { status: 500 }), "status"],
  denies: [reply('{"targetIndex":0}', { status: 403 }), "status"],
  "names a stranger": [reply('{"targetIndex":2}'), "unknown-target"],
  "names a negative": [reply('{"targetIndex":-1}'), "unknown-target"],
  "names another group's": [reply('{"provider":"first-none","model":"m1"}'), "unknown-target"],
  "names two": [reply('{"targetIndex":0,"target":{"provider":"a","model":"b"}}'), "bad-decision"],
  "redirects as GET": [redirect("/decide-again", 302), "redirect"],
  "redirects away": [redirect("http://example.com/decide", 307), "redirect"],
  "redirects to metadata": [redirect("http://169.254.169.254/latest/meta-data", 307), "redirect"],
  "redirects in circles": [redirect("/decide", 308), "redirect"],
}

async function startExternal(service: FakeUpstream, policy: Record<string, unknown> = {}): Promise<Scripted> {
  return startWith(() => ({
    strategy: "external",
    external_policy: { url: `${service.url}/decide`, allow_hosts: ["127.0.0.1"], timeout_ms: 150, ...policy },
  }))
}

const reasonOf = (router: Scripted, requestId: string): string | null | undefined =>
  router.gateway.records.trace(requestId).find((row) => row.event === "policy_execution")?.reason

for (const [what, [behaviour, reason]] of Object.entries(MISDEEDS)) {
  test(`it ${what}: ${reason}`, async () => {
    const service = (await FakeUpstream.start()).otherwise(behaviour)
    await using closed = await startExternal(service)
    await using open = await startExternal(service, { on_error: "fallback" })
    for (const sample of ALL_SAMPLES) {
      const refused = await closed.gateway.call(sample.dialect, sample.request({ text: "refused" }))
      expectError(refused, sample.dialect, 502, "routing-policy-error")
      expect([what, reasonOf(closed, refused.requestId)]).toEqual([what, reason])
      expect(closed.servedBy("refused")).toEqual([])
      const served = await open.gateway.call(sample.dialect, sample.request({ text: "served" }))
      expect([served.status, served.text]).toEqual([200, sample.unary("first")])
      expect(reasonOf(open, served.requestId)).toBe(reason)
    }
    await service.stop()
  })
}

test("a redirect that keeps the method, to a listed host, is followed with the body and without the operator's headers", async () => {
  const other = (await FakeUpstream.start()).otherwise(reply('{"targetIndex":1}'))
  const service = (await FakeUpstream.start()).otherwise(redirect(`${other.url}/moved`, 307))
  await using router = await startExternal(service, { headers: { "x-policy-key": "secret" } })
  const [sample] = ALL_SAMPLES
  const answer = await router.gateway.call(sample!.dialect, sample!.request())
  expect(answer.text).toBe(sample!.unary("second"))
  const [moved] = other.received("/moved")
  expect(moved!.request.body.length).toBeGreaterThan(100)
  expect(moved!.request.headerLines.join("\n")).not.toContain("secret")
  await Promise.all([other.stop(), service.stop()])
})

for (const [url, hosts] of [
  ["http://169.254.169.254/decide", ["169.254.169.254"]],
  ["http://[::ffff:169.254.169.254]/decide", ["[::ffff:a9fe:a9fe]"]],
  ["http://0.0.0.0/decide", ["0.0.0.0"]],
] as const) {
  test(`${url} is never called`, async () => {
    await using router = await startWith(() => ({
      strategy: "external",
      external_policy: { url, allow_hosts: [...hosts], allow_http: true, timeout_ms: 150 },
    }))
    const [sample] = ALL_SAMPLES
    const answer = await router.gateway.call(sample!.dialect, sample!.request())
    expectError(answer, sample!.dialect, 502, "routing-policy-error")
    expect(reasonOf(router, answer.requestId)).toBe("forbidden")
  })
}
