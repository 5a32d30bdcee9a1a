/** `smart-router replay` where a script or a policy service decides: over what is recorded, and asked only when told to. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { ReplayReport } from "../../../src/replay/replay.ts"
import { reply } from "../../helpers/behaviours.ts"
import { targetsOf, type Config } from "../../helpers/config.ts"
import { bodyText, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { replayWith, reportWith } from "../../helpers/replayed.ts"
import { SAMPLES } from "../../helpers/samples.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"

const SHORT = 12
const LONG = 3
const ALL = SHORT + LONG
const SECRET = "nobody-else-may-read-this"
let upstreams: FakeUpstream[]
let service: FakeUpstream
let gateway: Gateway

beforeAll(async () => {
  const [first, second] = await Promise.all([FakeUpstream.start(), FakeUpstream.start()])
  service = await FakeUpstream.start()
  upstreams = [first.otherwise(vendorAnswer("first")), second.otherwise(vendorAnswer("second")), service]
  gateway = await startGateway({
    upstreams: { first, second },
    configure: (config) => {
      config.server["decision_telemetry"] = { enabled: true }
      config.models["default"] = { strategy: "failover", targets: chatTargets(["first", "second"]) }
    },
  })
  for (let sent = 0; sent < SHORT; sent++)
    await gateway.call("chat", SAMPLES.chat.request({ text: `${SECRET} ${sent}` }))
  for (let sent = 0; sent < LONG; sent++)
    await gateway.call("chat", SAMPLES.chat.request({ text: "long ".repeat(400) }))
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await Promise.all(upstreams.map((upstream) => upstream.stop()))
})

function chatTargets(names: readonly string[]): Record<string, unknown>[] {
  return targetsOf(names).filter(({ provider }) => String(provider).endsWith("-chat"))
}

const policyGroup = (config: Config, keys: object): void => {
  config.models["default"] = { targets: chatTargets(["first", "second"]), ...keys }
}

function decidedBy(script: string, keys: object = {}): (config: Config) => void {
  writeFileSync(join(gateway.directory, "route.ts"), script)
  return (config) => policyGroup(config, { strategy: "script", script: "route.ts", ...keys })
}

function callsAfter(report: ReplayReport): Readonly<Record<string, number>> {
  const targets = report.groups[0]?.targets ?? []
  return Object.fromEntries(
    targets.map(({ target, calls_after }) => [target.replace("-chat/vendor/model-1", ""), calls_after]),
  )
}

describe("a script", () => {
  test("decides by what is recorded: counts, flags, the caller, the targets", async () => {
    const report = await reportWith(
      gateway,
      decidedBy(`export const route = (ctx) => ({
        targetIndex: ctx.context.textChars > 1000 && ctx.context.messageCount === 1 && ctx.caller.id === "me-lab"
          && ctx.targets.length === 2 && !ctx.context.stream ? 1 : 0 })`),
    )
    expect(report).toMatchObject({ calls: ALL, decided: ALL, skipped: {} })
    expect(callsAfter(report)).toEqual({ first: SHORT, second: LONG })
    expect(report.groups[0]).toMatchObject({ moved: LONG, policy: { runs: ALL, failures: {}, without_content: 0 } })
  })

  test("that looks at the request finds an empty one, which is counted", async () => {
    const script = "export const route = (ctx) => ({ targetIndex: Object.keys(ctx.request).length === 0 ? 1 : 0 })"
    const report = await reportWith(gateway, decidedBy(script))
    expect(callsAfter(report)).toEqual({ first: 0, second: ALL })
    expect(report.groups[0]?.policy?.without_content).toBe(ALL)
  })

  test("that looks at texts finds none, which is counted and said", async () => {
    const script = `export const route = (ctx) =>
      ({ targetIndex: ctx.text === "" ? 1 : 0 })`
    const report = await reportWith(gateway, decidedBy(script))
    expect(callsAfter(report)).toEqual({ first: 0, second: ALL })
    expect(report.groups[0]?.policy?.without_content).toBe(ALL)
    expect(report.notes.join(" ")).toContain(`${ALL} calls were decided by a policy without the content`)
    expect((await replayWith(gateway, decidedBy(script))).out).toContain(`${ALL} without the content`)
  })

  test("that fails for want of content is left out; one that fails by itself refuses the calls", async () => {
    const forWant = await reportWith(
      gateway,
      decidedBy("export const route = (ctx) => ({ targetIndex: ctx.request.messages.length > 1 ? 1 : 0 })"),
    )
    expect(forWant).toMatchObject({ decided: 0, skipped: { "content-not-recorded": ALL } })
    const itself = await reportWith(gateway, decidedBy("export function route() { throw new RangeError() }"))
    expect(itself).toMatchObject({ calls: ALL, decided: ALL })
    expect(itself.groups[0]).toMatchObject({
      refused: ALL,
      refusals: { "routing-policy-error": ALL },
      policy: { failures: { threw: ALL } },
    })
  })

  test("that loops is stopped, and benched in the time of the calls", async () => {
    const loops = decidedBy("export function route() { for (;;); }", {
      script_limits: { deadline_ms: 5, on_error: "fallback" },
    })
    const report = await reportWith(gateway, loops)
    expect(report.groups[0]?.policy?.failures).toEqual({ deadline: 3, benched: ALL - 3 })
    expect(callsAfter(report)).toEqual({ first: ALL })
  })

  test("that cannot be read: exit code 1, and where", async () => {
    const { code, err } = await replayWith(gateway, decidedBy("export function route( {"))
    expect(code).toBe(1)
    expect(err).toContain("route.ts")
  })

  test("that asks somebody is left out, unless services may be asked", async () => {
    const host = service.url.replace("http://", "")
    service.otherwise(reply('{"target":1}', { headers: { "content-type": "application/json" } }))
    const asks = decidedBy(
      `export async function route() {
        const { body } = await router.fetchJSON("${service.url}/classify").catch(() => ({ body: { target: 0 } }))
        return { targetIndex: body.target }
      }`,
      { script_http: { enabled: true, allow_hosts: [host], allow_http: true, timeout_ms: 5000 } },
    )
    const before = service.received("/classify").length
    const unasked = await reportWith(gateway, asks)
    expect(unasked).toMatchObject({ calls: ALL, decided: 0, skipped: { "service-not-asked": ALL } })
    expect(service.received("/classify")).toHaveLength(before)
    const asked = await reportWith(gateway, asks, "--ask-services")
    expect(callsAfter(asked)).toEqual({ first: 0, second: ALL })
  })
})

describe("a policy service", () => {
  const external =
    (more: object = {}): ((config: Config) => void) =>
    (config) => {
      const url = `${service.url}/decide`
      const rules = { url, allow_hosts: [service.url.replace("http://", "")], allow_http: true, ...more }
      policyGroup(config, { strategy: "external", external_policy: rules })
    }
  const answers = (answer: object): FakeUpstream =>
    service.otherwise(reply(JSON.stringify(answer), { headers: { "content-type": "application/json" } }))

  test("is not asked: its calls are left out before and after, and that is said", async () => {
    answers({ targetIndex: 1 })
    const before = service.received("/decide").length
    const report = await reportWith(gateway, external())
    expect(report).toMatchObject({ calls: ALL, decided: 0, skipped: { "service-not-asked": ALL } })
    expect(report.groups[0]).toMatchObject({ targets: [], cost: { calls: 0, before_nano_usd: 0 } })
    expect(report.notes.join(" ")).toContain(`${ALL} calls need a policy service, which was not asked`)
    expect(service.received("/decide")).toHaveLength(before)
  })

  test("is asked with --ask-services, about the recorded facts, without content whatever the group says", async () => {
    answers({ targetIndex: 1 })
    const before = service.received("/decide").length
    const report = await reportWith(
      gateway,
      external({ include_request: true, feedback: { enabled: true } }),
      "--ask-services",
    )
    expect(callsAfter(report)).toEqual({ first: 0, second: ALL })
    expect(report.groups[0]?.policy).toMatchObject({ runs: ALL, without_content: ALL })
    const asked = service
      .received("/decide")
      .slice(before)
      .map(({ request }) => bodyText(request))
    expect(asked).toHaveLength(ALL)
    const ids = gateway.records.usage().map((row) => row.request_id)
    expect(asked.map((text) => (JSON.parse(text) as { requestId: string }).requestId).toSorted()).toEqual(
      ids.toSorted(),
    )
    for (const text of asked) {
      expect(Object.keys(JSON.parse(text) as object).toSorted()).toEqual(
        ["group", "requestId", "context", "inputModalities", "requirements", "caller", "targets", "now"].toSorted(),
      )
      expect(text).not.toContain(SECRET)
    }
    expect(JSON.parse(asked[0] ?? "")).toMatchObject({
      context: { textChars: `${SECRET} 0`.length, messageCount: 1 },
      caller: { id: "me-lab", tokenId: "rtr_me_lab_dev_me-lab" },
    })
    expect(service.received("/feedback")).toHaveLength(0)
  })

  test("has no more than eight questions at a time", async () => {
    let open = 0
    let most = 0
    service.otherwise(async (exchange) => {
      most = Math.max(most, ++open)
      await Bun.sleep(20)
      open--
      await reply('{"targetIndex":0}', { headers: { "content-type": "application/json" } })(exchange)
    })
    const report = await reportWith(gateway, external(), "--ask-services")
    expect(report.decided).toBe(ALL)
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(8)
  })

  test("that fails refuses its calls, or leaves them to the configured order, as configured", async () => {
    service.otherwise(reply("{}", { status: 500 }))
    const closed = await reportWith(gateway, external(), "--ask-services")
    expect(closed.groups[0]).toMatchObject({ refused: ALL, policy: { failures: { status: ALL } } })
    const open = await reportWith(gateway, external({ on_error: "fallback" }), "--ask-services")
    expect(open.groups[0]).toMatchObject({ refused: 0, moved: 0, policy: { failures: { status: ALL } } })
  })

  test("in mode shadow decides nothing, so nobody asks it", async () => {
    const before = service.received("/decide").length
    const report = await reportWith(gateway, external({ mode: "shadow" }), "--ask-services")
    expect(report).toMatchObject({ decided: ALL, skipped: {} })
    expect(service.received("/decide")).toHaveLength(before)
  })
})
