/**
 * Every strategy in front of far ends that fail, stall and lie: the client gets exactly one end, another target is tried
 * exactly where it may be, and what is written down, held and remembered is what happened.
 */
import { expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import path from "node:path"
import { reply } from "../../helpers/behaviours.ts"
import { get } from "../../helpers/client.ts"
import { targetsOf } from "../../helpers/config.ts"
import { rowsOf } from "../../helpers/decided.ts"
import { expectError, parsed } from "../../helpers/expectations.ts"
import { closedPort, FakeUpstream } from "../../helpers/fake-upstream.ts"
import { FAULTS, type Fault, type Mode } from "../../helpers/faults.ts"
import { startGateway, type Gateway } from "../../helpers/gateway.ts"
import { sampled } from "../../helpers/sample.ts"
import { ALL_SAMPLES, type Sample } from "../../helpers/samples.ts"
import { at, FAILURE_TERMINAL, SUCCESS_TERMINAL, terminalsOf } from "../../helpers/streams.ts"
import { vendorAnswer, vendorBytes } from "../../helpers/vendor.ts"
import type { StrategyName } from "../../../src/config/snapshot.ts"

type Name = "first" | "second" | "third"

interface Variant {
  /** What is tried, in order. */
  readonly order: readonly Name[]
  readonly group: (directory: string, service: string) => Readonly<Record<string, unknown>>
}

const ALL = ["first", "second", "third"] as const
/** What a policy may say of its fallbacks, and what is tried then. */
const POLICIES: Readonly<Record<string, readonly [decision: object, order: readonly Name[]]>> = {
  rest: [{ targetIndex: 0 }, ALL],
  chosen: [{ targetIndex: 0, fallbackIndexes: [2] }, ["first", "third"]],
  alone: [{ targetIndex: 0, fallbackIndexes: [] }, ["first"]],
}

const weights = (group: object): Variant => ({ order: ALL, group: () => ({ ...group, weights: [1, 0, 0] }) })
/** The compiler asks for every strategy. */
const OF_STRATEGY: Readonly<Record<StrategyName, Readonly<Record<string, Variant>>>> = {
  static: { static: { order: ALL, group: () => ({ strategy: "static" }) } },
  failover: { failover: { order: ALL, group: () => ({ strategy: "failover" }) } },
  weighted: { weighted: weights({ strategy: "weighted" }) },
  dynamic_score: {
    dynamic_score: weights({
      strategy: "dynamic_score",
      routing_policy: { dynamic_score: { min_observations: 0, exploration_percent: 0 } },
    }),
  },
  script: ofPolicy("script", (name, decision) => (directory) => scripted(directory, name, decision)),
  external: ofPolicy("external", (name) => (_, service) => asked(`${service}/${name}`)),
}
const VARIANTS: Readonly<Record<string, Variant>> = Object.assign({}, ...Object.values(OF_STRATEGY))

function ofPolicy(
  strategy: StrategyName,
  groupOf: (name: string, decision: object) => Variant["group"],
): Readonly<Record<string, Variant>> {
  return Object.fromEntries(
    Object.entries(POLICIES).map(([name, [decision, order]]) => [
      `${strategy}-${name}`,
      { order, group: groupOf(name, decision) },
    ]),
  )
}

function scripted(directory: string, name: string, decision: object): Readonly<Record<string, unknown>> {
  writeFileSync(path.join(directory, `${name}.ts`), `export const route = () => (${JSON.stringify(decision)})`)
  return { strategy: "script", script: `${name}.ts` }
}

function asked(url: string): Readonly<Record<string, unknown>> {
  return { strategy: "external", external_policy: { url, allow_hosts: ["127.0.0.1"], timeout_ms: 30_000 } }
}

const MODES: readonly Mode[] = ["unary", "stream"]
const ROOM = { rpm: 100_000, tpm: 1_000_000_000, concurrent: 1000 }
const TOKENS = { day: { tokens: 1_000_000_000, requests: 100_000 } }

async function startAll(fault: Fault, upstreams: Readonly<Record<Name, { readonly url: string }>>, service: string) {
  return startGateway({
    upstreams,
    configure: (config, directory) => {
      config.server["breaker"] = { failures: 1, window: "60s", cooldown: "60s" }
      config.server["decision_telemetry"] = { enabled: true }
      config.models = {}
      for (const [name, { group }] of Object.entries(VARIANTS)) {
        const { weights: shares = [1, 1, 1], ...rest } = group(directory, service) as { readonly weights?: number[] }
        const targets = ALL.flatMap((upstream, index) => targetsOf([upstream], { weight: shares[index] }))
        // breakers and live figures belong to a group: one for each mode
        for (const mode of MODES)
          config.models[`${name}-${mode}`] = {
            attempt_timeout_ms: fault.isSlow === true ? 2000 : 30_000,
            ...rest,
            targets,
          }
      }
      const limits = { rate: ROOM, quota: TOKENS, spend: { day_usd: 1_000_000 } }
      config.projects[0] = { ...config.projects[0], ...limits }
      config.callers[0] = { ...config.callers[0], ...limits, allow: Object.keys(config.models) }
    },
  })
}

interface Cell {
  readonly variant: string
  readonly mode: Mode
  readonly sample: Sample
}

const CELLS: readonly Cell[] = Object.keys(VARIANTS).flatMap((variant) =>
  MODES.flatMap((mode) => ALL_SAMPLES.map((sample) => ({ variant, mode, sample }))),
)

/** The names of the far ends that got a request with this text, in the order of the strategy. */
type Asked = (marker: string) => readonly Name[]

async function faulty({ variant, mode, sample }: Cell, fault: Fault, gateway: Gateway, tried: Asked): Promise<void> {
  const marker = `faulty <${variant} ${mode} ${sample.dialect}>`
  const model = `${variant}-${mode}`
  const answer = await gateway.call(sample.dialect, sample.request({ model, stream: mode === "stream", text: marker }))
  const { order } = VARIANTS[variant]!
  const next = fault.final === true || fault.committed === mode ? undefined : order[1]
  const attempts = gateway.records.attempts(answer.requestId)
  const rows = gateway.records.usage(answer.requestId)
  expect([marker, attempts[0]?.error_class]).toEqual([marker, fault.class[mode]])
  expect(attempts[0]?.retry_after_ms ?? null).toBe(fault.retryAfterS === undefined ? null : fault.retryAfterS * 1000)
  expect(rows).toHaveLength(1)
  expect(answer.broken).toBe(false)
  const reached = fault.behave === null ? [] : ["first"]
  if (next !== undefined) {
    expect([answer.status, answer.text]).toEqual([200, vendorBytes(sample, mode === "stream", next)])
    if (mode === "stream") expect(terminalsOf(sample.dialect, answer.text)).toEqual([SUCCESS_TERMINAL[sample.dialect]])
    expect(attempts.map(({ error_class }) => error_class)).toEqual([fault.class[mode], null])
    expect(rows[0]).toMatchObject({
      status: 200,
      error: null,
      attempts: 2,
      target_provider: `${next}-${sample.dialect}`,
    })
    expect<readonly string[]>(tried(marker)).toEqual([...reached, next])
    return
  }
  expect(attempts).toHaveLength(1)
  expect<readonly string[]>(tried(marker)).toEqual(reached)
  if (fault.committed === mode) {
    expect(answer.status).toBe(200)
    expect(terminalsOf(sample.dialect, answer.text)).toEqual([FAILURE_TERMINAL[sample.dialect]])
    expect(rows[0]).toMatchObject({ status: 502, error: fault.code, target_provider: `first-${sample.dialect}` })
    return
  }
  expect(rows[0]).toMatchObject({ status: fault.status, error: fault.code, attempts: 1 })
  if (fault.final === true) expect([answer.status, answer.text]).toEqual([fault.status, sample.errorBody("no")])
  else expectError(answer, sample.dialect, fault.status, fault.code)
  if (fault.retryAfterS !== undefined) expect(answer.headers.get("retry-after")).toBe(String(fault.retryAfterS))
}

/** The next call of the group tells what was remembered of the first one. */
async function remembered({ variant, mode, sample }: Cell, fault: Fault, gateway: Gateway): Promise<void> {
  const text = `afterwards <${variant} ${mode} ${sample.dialect}>`
  const answer = await gateway.call(sample.dialect, sample.request({ model: `${variant}-${mode}`, text }))
  const isOpen = gateway.records.trace(answer.requestId).some(({ event }) => event === "target_deferred")
  expect([text, isOpen]).toEqual([text, fault.spared !== true])
  if (variant !== "dynamic_score") return
  const candidates = rowsOf(gateway.directory, "request_target_candidates", answer.requestId)
  const seen = candidates.find(({ provider }) => provider === `first-${sample.dialect}`)?.["observations"]
  expect([text, seen]).toEqual([text, fault.final === true ? 0 : 1])
}

async function expectNothingHeld(gateway: Gateway): Promise<void> {
  const limits = at(parsed(await get(gateway, "/v1/usage")), "limits")
  expect(Array.isArray(limits) ? limits.length : 0).toBeGreaterThan(5)
  for (const limit of limits as readonly unknown[]) expect(limit).toMatchObject({ reserved: 0 })
}

for (const [what, fault] of sampled(Object.entries(FAULTS), 2)) {
  test(`the client gets one end whatever the strategy when the first target ${what}`, async () => {
    const cells = sampled(CELLS, 10)
    const first = (await FakeUpstream.start()).otherwise(vendorAnswer("first"))
    const second = (await FakeUpstream.start()).otherwise(vendorAnswer("second"))
    const third = (await FakeUpstream.start()).otherwise(vendorAnswer("third"))
    const service = await FakeUpstream.start()
    for (const [name, [decision]] of Object.entries(POLICIES)) service.plan(`/${name}`, reply(JSON.stringify(decision)))
    for (const { variant, mode, sample } of fault.behave === null ? [] : cells)
      first.plan(`faulty <${variant} ${mode} ${sample.dialect}>`, fault.behave!(sample, mode))
    const reachable = fault.behave === null ? { url: `http://127.0.0.1:${await closedPort()}` } : first
    const named = [
      ["first", first],
      ["second", second],
      ["third", third],
    ] as const
    const tried: Asked = (marker) => named.filter(([, one]) => one.received(marker).length > 0).map(([name]) => name)
    await using gateway = await startAll(fault, { first: reachable, second, third }, service.url)
    await Promise.all(cells.map((cell) => faulty(cell, fault, gateway, tried)))
    await Promise.all(cells.map((cell) => remembered(cell, fault, gateway)))
    await expectNothingHeld(gateway)
    await Promise.all([first.stop(), second.stop(), third.stop(), service.stop()])
  })
}
