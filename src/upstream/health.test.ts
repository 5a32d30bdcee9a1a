import { expect, test } from "bun:test"
import { mustLoad } from "../../test/helpers/load-text.ts"
import { compile } from "../config/compile/compile.ts"
import type { Snapshot, Target } from "../config/snapshot.ts"
import { Health } from "./health.ts"
import { claim } from "./shaping.ts"

interface Wishes {
  readonly burst?: number
  readonly failures?: number
  readonly weight?: number
  readonly url?: string
  readonly models?: string
}

const DEMAND = { inputTokens: 1, outputTokens: 1 }

function snapshotWith({
  burst = 1,
  failures = 1,
  weight = 1,
  url = "http://127.0.0.1:9/v1",
  models,
}: Wishes = {}): Snapshot {
  const target = `{ provider: alpha, model_ref: big, weight: ${weight} }`
  const groups =
    models ??
    `{ one: { strategy: static, targets: [${target}] }, two: { strategy: static, targets: [${target}, ${target}] } }`
  const config = mustLoad(`
server: { listen: 127.0.0.1:0, breaker: { failures: ${failures}, window: 30s, cooldown: 15s } }
providers:
  alpha:
    base_url: ${url}
    dialect: openai-chat
    auth_scheme: none
    traffic_shape: { enabled: true, request_start_per_sec: 0.001, request_burst: ${burst} }
    models:
      big:
        model: vendor-big
        traffic_shape:
          enabled: true
          upstream_429_backoff: { enabled: true }
models: ${groups}
users: [{ id: me, name: Me, type: person, status: active }]
projects: [{ id: lab, name: Lab, status: active }]
project_memberships: [{ user_id: me, project: lab, role: owner, status: active }]
callers: []
`)
  return compile(config, { userAgent: "test" })
}

function targetOf(snapshot: Snapshot, group: string, index = 0): Target {
  const target = snapshot.groups.get(group)?.targets[index]
  if (target === undefined) throw new Error(`no target ${group} ${index}`)
  return target
}

function healthOf(snapshot: Snapshot): Health {
  const health = new Health()
  health.adopt(snapshot, 0)
  return health
}

test("breakers belong to a target of a group, also where a group lists it twice", () => {
  const snapshot = snapshotWith()
  const health = healthOf(snapshot)
  expect(health.failed(health.of(targetOf(snapshot, "two", 0)), 0, 0)).toBe(true)
  const states = [
    ["one", 0],
    ["two", 0],
    ["two", 1],
  ] as const
  expect(states.map(([group, index]) => health.standing(targetOf(snapshot, group, index), 1).breaker)).toEqual([
    "closed",
    "open",
    "closed",
  ])
})

test("scopes of provider and model are one object for all groups", () => {
  const snapshot = snapshotWith()
  const health = healthOf(snapshot)
  const [one, two] = ["one", "two"].map((group) => health.of(targetOf(snapshot, group)).scopes)
  expect(one?.map(({ kind }) => kind)).toEqual(["provider", "provider_model"])
  expect(two?.[0]).toBe(one![0])
  expect(two?.[1]).toBe(one![1])
})

test("a reload keeps what has not changed", () => {
  const before = snapshotWith()
  const health = healthOf(before)
  health.failed(health.of(targetOf(before, "one")), 0, 0)
  expect(claim(health.of(targetOf(before, "one")).scopes, DEMAND, 0)).toBeNull()
  const after = snapshotWith({ weight: 3 })
  health.adopt(after, 1)
  expect(health.standing(targetOf(after, "one"), 1).hindrance).toMatchObject({ reason: "breaker-open", until: 15_000 })
  expect(claim(health.of(targetOf(after, "two")).scopes, DEMAND, 1)?.bucket).toBe("request_start")
  expect(health.isQuiet(1)).toBe(false)
})

test("a reload forgets what has changed", () => {
  const before = snapshotWith()
  const health = healthOf(before)
  health.failed(health.of(targetOf(before, "one")), 0, 0)
  claim(health.of(targetOf(before, "one")).scopes, DEMAND, 0)
  const roomier = snapshotWith({ burst: 2 })
  health.adopt(roomier, 1)
  expect(claim(health.of(targetOf(roomier, "one")).scopes, DEMAND, 1)).toBeNull()
  const elsewhere = snapshotWith({ burst: 2, url: "http://127.0.0.1:10/v1" })
  health.adopt(elsewhere, 1)
  expect(health.standing(targetOf(elsewhere, "one"), 1).breaker).toBe("closed")
  expect(health.isQuiet(1)).toBe(true)
})

test("a call in flight on the configuration before reports to the same target", () => {
  const before = snapshotWith({ failures: 2 })
  const health = healthOf(before)
  const after = snapshotWith({ failures: 2, weight: 2 })
  health.adopt(after, 0)
  health.failed(health.of(targetOf(before, "one")), 0, 1)
  expect(health.failed(health.of(targetOf(after, "one")), 0, 2)).toBe(true)
  expect(health.standing(targetOf(before, "one"), 3).breaker).toBe("open")
})

test("a target that is gone hinders nobody", () => {
  const before = snapshotWith()
  const health = healthOf(before)
  const gone = health.of(targetOf(before, "two"))
  health.failed(gone, 0, 0)
  const after = snapshotWith({
    models: "{ one: { strategy: static, targets: [{ provider: alpha, model_ref: big }] } }",
  })
  health.adopt(after, 0)
  expect(health.isQuiet(0)).toBe(true)
  health.succeeded(gone, 20_000, 20_000)
  health.failed(gone, 20_000, 20_001)
  expect(health.isQuiet(20_001)).toBe(true)
})

test("the longest hindrance is the one that is told", () => {
  const snapshot = snapshotWith()
  const health = healthOf(snapshot)
  const one = targetOf(snapshot, "one")
  expect(health.standing(one, 0)).toEqual({ breaker: "closed", isProbed: false, hindrance: null })
  const scope = health.of(one).scopes[1]!
  scope.rateLimited!.failed(0, 20_000, 0)
  health.paused(scope, "rate_limited", scope.rateLimited!)
  expect(health.standing(one, 1).hindrance).toEqual({ reason: "rate-limited", scope: "provider_model", until: 20_000 })
  health.failed(health.of(one), 0, 10_000)
  expect(health.standing(one, 10_000).hindrance?.reason).toBe("breaker-open")
  expect([health.isQuiet(19_999), health.isQuiet(20_000)]).toEqual([false, false])
  expect(health.succeeded(health.of(one), 25_000, 26_000)).toBe(true)
  expect(health.isQuiet(26_000)).toBe(true)
})
