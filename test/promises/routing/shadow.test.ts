/** `shadow` on a group: what another strategy would have chosen is recorded, and changes nothing. */
import { afterEach, expect, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { runHere, type Ended } from "../../helpers/command-line.ts"
import { targetsOf, type Config } from "../../helpers/config.ts"
import { rowsOf } from "../../helpers/decided.ts"
import { FakeUpstream } from "../../helpers/fake-upstream.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { reportWith } from "../../helpers/replayed.ts"
import { ALL_SAMPLES, SAMPLES } from "../../helpers/samples.ts"
import { watchShadows } from "../../helpers/shadows.ts"
import { vendorAnswer } from "../../helpers/vendor.ts"
import { drawn, sampled } from "../../helpers/sample.ts"

const open: AsyncDisposable[] = []

afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]()
})

async function explained(gateway: Gateway, id: string): Promise<Ended> {
  const { configPath, env } = gateway.prepared
  return runHere(["explain", "--config", configPath, "--id", id], { env })
}

async function routerWith(
  group: object,
  server: object = {},
  more: (config: Config) => void = () => {},
): Promise<{
  gateway: Gateway
  first: FakeUpstream
  second: FakeUpstream
}> {
  const first = (await FakeUpstream.start()).otherwise(vendorAnswer("first"))
  const second = (await FakeUpstream.start()).otherwise(vendorAnswer("second"))
  const gateway = await startGateway({
    upstreams: { first, second },
    configure: (config) => {
      Object.assign(config.server, server)
      const targets = [...targetsOf(["first"], { weight: 0 }), ...targetsOf(["second"], { weight: 1 })]
      config.models["default"] = { strategy: "failover", targets, ...group }
      more(config)
    },
  })
  open.push(gateway, { [Symbol.asyncDispose]: async () => void (await Promise.all([first.stop(), second.stop()])) })
  return { gateway, first, second }
}

for (const sample of drawn(ALL_SAMPLES)) {
  test(`${sample.dialect}: its choice is recorded and not followed, also without telemetry`, async () => {
    const { gateway, second } = await routerWith({ shadow: { strategy: "weighted" } })
    const answer = await gateway.call(sample.dialect, sample.request({ text: "which one" }))
    expect(answer.status).toBe(200)
    expect(second.exchanges).toHaveLength(0)
    const decisions = rowsOf(gateway.directory, "request_routing_decisions", answer.requestId)
    expect(decisions).toMatchObject([
      { mode: "live", strategy: "failover", provider: `first-${sample.dialect}` },
      { mode: "shadow", strategy: "weighted", outcome: "decided", provider: `second-${sample.dialect}` },
    ])
  })
}

test("dynamic_score as a shadow has live figures of its group, and its terms are recorded", async () => {
  const { gateway } = await routerWith(
    { shadow: { strategy: "dynamic_score" } },
    { decision_telemetry: { enabled: true } },
  )
  const { requestId } = await gateway.call("chat", SAMPLES.chat.request({ text: "score" }))
  const terms = rowsOf(gateway.directory, "request_dynamic_score_terms", requestId)
  expect(new Set(terms.map(({ mode }) => mode))).toEqual(new Set(["shadow"]))
  expect(terms.map(({ term }) => term)).toContain("cost_score")
})

function script(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "shadow-script-"))
  open.push({ [Symbol.asyncDispose]: async () => Promise.resolve(rmSync(folder, { recursive: true })) })
  const file = join(folder, "router.ts")
  writeFileSync(file, text)
  return file
}

const SECOND = 'export const route = (ctx) => ({ targetIndex: ctx.targets.length - 1, classLabel: "last" })'
const LOOP = "export function route(ctx) { for (;;) {} }"
const THROWS = 'export function route(ctx) { throw new TypeError("no") }'

const SCRIPTS = [
  ["decides", SECOND, { outcome: "decided", class_label: "last", error: null }, { outcome: "decided", error: null }],
  ["throws", THROWS, { outcome: "failed", error: "threw" }, { outcome: "failed", error: "threw" }],
  ["loops", LOOP, { outcome: "failed", error: "deadline" }, { outcome: "failed", error: "deadline" }],
] as const

test.each(sampled(SCRIPTS, 1))(
  "a script that %s, as a shadow: recorded, and the call goes on",
  async (_, text, decision, policy) => {
    const { gateway } = await routerWith(
      { shadow: { strategy: "script", script: script(text) } },
      { decision_telemetry: { enabled: true } },
    )
    const answer = await gateway.call("chat", SAMPLES.chat.request({ text: "script" }))
    expect(answer.status).toBe(200)
    const decisions = rowsOf(gateway.directory, "request_routing_decisions", answer.requestId)
    expect(decisions[0]).toMatchObject({ mode: "live", provider: "first-chat", outcome: "decided" })
    expect(decisions[1]).toMatchObject({ mode: "shadow", strategy: "script", ...decision })
    expect(rowsOf(gateway.directory, "request_policy_executions", answer.requestId)).toMatchObject([
      { mode: "shadow", kind: "script", ...policy },
    ])
  },
)

test("a script that loops, as a shadow, is stopped once and then benched", async () => {
  const { gateway } = await routerWith({ shadow: { strategy: "script", script: script(LOOP) } })
  const errors: unknown[] = []
  for (let sent = 0; sent < 3; sent++) {
    const { requestId } = await gateway.call("chat", SAMPLES.chat.request({ text: "again" }))
    errors.push(rowsOf(gateway.directory, "request_routing_decisions", requestId)[1]?.["error"])
  }
  expect(errors).toEqual(["deadline", "benched", "benched"])
})

function policyOf(service: Bun.Server<undefined>, more: object = {}): object {
  const host = `127.0.0.1:${service.port}`
  return { url: `http://${host}/decide`, allow_hosts: [host], ...more }
}

test("a policy service that never answers, as a shadow: the call does not wait for it", async () => {
  using service = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: () => new Promise<Response>(() => {}),
  })
  const policy = policyOf(service, { timeout_ms: 60_000 })
  const { gateway } = await routerWith({ shadow: { strategy: "external", external_policy: policy } })
  const answer = await gateway.call("chat", SAMPLES.chat.request({ text: "hang" }))
  expect(answer.status).toBe(200)
  expect(rowsOf(gateway.directory, "request_routing_decisions", answer.requestId)[1]).toMatchObject({
    mode: "shadow",
    strategy: "external",
    outcome: "unanswered",
  })
  void service.stop(true)
})

const CHOICES = [
  ["static", "first-chat", {}],
  ["failover", "first-chat", {}],
  ["weighted", "second-chat", {}],
  ["dynamic_score", "second-chat", {}],
  ["script", "second-chat", { script: SECOND }],
  ["external", "second-chat", { external_policy: null }],
] as const

const TELEMETRY = [
  ["with", true],
  ["without", false],
] as const

test.each(sampled(TELEMETRY, 1))(
  "the choice of a shadow is in explain and in replay, %s telemetry",
  async (_, enabled) => {
    using service = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => Response.json({ targetIndex: 1 }) })
    using shadows = watchShadows()
    const { gateway, first } = await routerWith({}, { decision_telemetry: { enabled } }, (config) => {
      for (const [strategy, , more] of CHOICES) {
        const policy = "external_policy" in more ? { external_policy: policyOf(service) } : {}
        const shadow = { strategy, ...policy, ...("script" in more ? { script: script(more.script) } : {}) }
        config.models[`by-${strategy}`] = { ...config.models["default"], shadow }
      }
      config.callers[0] = { ...config.callers[0], allow: Object.keys(config.models) }
    })
    first.otherwise(async (exchange) => {
      await shadows.done()
      await vendorAnswer("first")(exchange)
    })
    for (const [strategy, provider] of CHOICES) {
      const request = SAMPLES.chat.request({ model: `by-${strategy}`, text: "which one" })
      const { requestId, status } = await gateway.call("chat", request)
      expect([strategy, status]).toEqual([strategy, 200])
      expect((await explained(gateway, requestId)).out).toContain(`Shadow of ${strategy}: ${provider}/vendor/model-1`)
    }
    const { groups } = await reportWith(gateway, () => {})
    for (const [strategy, provider] of CHOICES)
      expect(groups.find(({ group }) => group === `by-${strategy}`)?.shadow).toMatchObject({
        strategies: [strategy],
        calls: 1,
        decided: 1,
        failed: 0,
        unanswered: 0,
        elsewhere: provider === "first-chat" ? 0 : 1,
        targets: [{ target: `${provider}/vendor/model-1`, calls: 1 }],
      })
  },
)

test("what a shadow missed is told, and counted", async () => {
  using service = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    fetch: () => new Promise<Response>(() => {}),
  })
  const policy = policyOf(service, { timeout_ms: 60_000, mode: "shadow" })
  const { gateway } = await routerWith({ strategy: "external", external_policy: policy })
  const { requestId, status } = await gateway.call("chat", SAMPLES.chat.request({ text: "late" }))
  expect(status).toBe(200)
  expect((await explained(gateway, requestId)).out).toContain("Shadow of external: unanswered")
  const report = await reportWith(gateway, () => {})
  expect(report.groups[0]?.shadow).toMatchObject({ calls: 1, decided: 0, unanswered: 1, elsewhere: 0 })
  void service.stop(true)
})
