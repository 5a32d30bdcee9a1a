/** An answer that no target was asked for: its row, its limits, its cost and its metrics follow from its source alone. */
import { expect, test } from "bun:test"
import { ALL_NAMES, readExposition } from "../../../test/helpers/exposition.ts"
import { HeldClock } from "../../../test/helpers/held-clock.ts"
import { mustLoad } from "../../../test/helpers/load-text.ts"
import { compile } from "../../config/compile/compile.ts"
import type { Credential } from "../../config/snapshot.ts"
import { DIALECTS } from "../../dialects/registry.ts"
import { Governance } from "../../governance/governance.ts"
import { MemoryState } from "../../governance/memory.ts"
import { scanObject } from "../../json/scan.ts"
import type { CallRecord } from "../../ledger/record.ts"
import { writeCallFamilies } from "../../metrics/call-families.ts"
import { Exposition } from "../../metrics/exposition.ts"
import { Metrics } from "../../metrics/metrics.ts"
import type { Answer } from "../answer/answer.ts"
import { Call, type AdmittedCall } from "../call.ts"
import { Intake } from "../call/body-memory.ts"
import { NO_FACTS } from "../call/outcome.ts"
import { CallRequest } from "../call/request.ts"
import { Watchdog } from "../call/watchdog.ts"
import type { Gateway } from "../gateway.ts"
import type { Incoming } from "../message.ts"
import { reply } from "../reply.ts"
import { reserve } from "../reserve.ts"

const PRICES = "input_price_per_million_usd: 1, output_price_per_million_usd: 2"
const CONFIG = `server: { listen: 127.0.0.1:0 }
providers: { p: { base_url: "https://p.example/v1", dialect: openai-chat, api_key: key-of-the-test } }
models: { g: { strategy: static, targets: [{ provider: p, model: m, ${PRICES} }] } }
users: [{ id: me, name: Me, type: person, status: active }]
projects: [{ id: lab, name: Lab, status: active }]
project_memberships: [{ user_id: me, project: lab, role: owner, status: active }]
callers:
  - { id: c, owner_user: me, project: lab, environment: dev, status: active, allow: [g], token_id: t, token_sha256: ${"1f".repeat(32)},
      rate: { rpm: 10, concurrent: 5 }, quota: { day: { requests: 10, tokens: 100000 } }, spend: { day_usd: 1 } }
`
const snapshot = compile(mustLoad(CONFIG), { userAgent: "test" })
const [credential] = snapshot.credentials.values() as Iterable<Credential> as [Credential]
const BODY = '{"model":"g","messages":[{"role":"user","content":"hello"}],"max_tokens":9}'
const ANSWER = new TextEncoder().encode('{"object":"chat.completion"}')

interface Router {
  readonly gateway: Gateway
  readonly records: CallRecord[]
  readonly metrics: Metrics
}

function router(): Router {
  const clock = new HeldClock()
  const records: CallRecord[] = []
  const metrics = new Metrics()
  const parts: Partial<Gateway> = {
    snapshot,
    clock,
    metrics,
    governance: new Governance(new MemoryState(), null, clock),
    watchdog: new Watchdog(clock),
    intake: new Intake(),
    requestLog: { write: () => {} },
    ledger: {
      record: (record) => Promise.resolve(void records.push(record)),
      accepting: () => true,
      close: () => Promise.resolve(),
    },
    version: "1",
    active: 1,
    drained: 0,
  }
  return { gateway: parts as Gateway, records, metrics }
}

function received({ clock }: Gateway): AdmittedCall {
  const incoming = { path: "/v1/chat/completions", headers: { get: () => null } } as Partial<Incoming> as Incoming
  const start = { id: `req_${"0".repeat(32)}`, dialect: DIALECTS["openai-chat"], incoming, snapshot, address: null }
  const known = new Call({ ...start, ts: clock.now(), startedAt: clock.monotonicMs() }).learnCaller(credential)
  const body = scanObject(Buffer.from(BODY), 512)
  const request = new CallRequest(known, { body, facts: known.dialect.peek(body), heldIds: null, isSealed: null })
  return known.learnRequest(request).learnGroup(snapshot.groups.get("g")!)
}

/** Used and held of each limit. */
async function counts({ governance, clock }: Gateway): Promise<Readonly<Record<string, readonly number[]>>> {
  const views = await governance.state.view(credential.caller.limits!, clock.now(), clock.monotonicMs())
  return Object.fromEntries(views.map(({ check, used, reserved }) => [check.kind, [used, reserved]]))
}

test("a cached answer is a row of a hit, a request without tokens, and costs nothing", async () => {
  const { gateway, records, metrics } = router()
  const call = received(gateway)
  const found = { eligible: call.group.targets, rejected: [], missing: [] }
  await reserve(found, call, call.hold!, gateway)
  const held = await counts(gateway)
  expect(held).toMatchObject({ concurrent: [0, 1], day_requests: [0, 1] })
  expect(held["day_tokens"]?.[1]).toBeGreaterThan(0)
  const answer: Answer = {
    kind: "unary",
    bytes: ANSWER,
    headers: { "content-type": "application/json" },
    told: null,
    end: {
      source: "cache",
      attempt: null,
      facts: NO_FACTS,
      isWhole: true,
      isOwed: false,
      losses: [],
      storedIds: [],
      firstContentAt: gateway.clock.monotonicMs(),
    },
  }
  const outgoing = await reply(answer, call, gateway)
  expect(outgoing).toMatchObject({ status: 200, body: ANSWER })
  expect(records).toHaveLength(1)
  expect(records[0]).toMatchObject({
    attempts: [],
    error: null,
    usage: {
      cache: "hit",
      status: 200,
      attempts: 0,
      target_provider: null,
      target_model: null,
      usage_source: "none",
      input_tokens: 0,
      output_tokens: 0,
      total_cost_nano_usd: 0,
      cost_unknown_reason: null,
      limit_tokens: 0,
      limit_nano_usd: 0,
    },
  })
  expect(await counts(gateway)).toEqual({
    concurrent: [0, 0],
    rpm: [1, 0],
    day_requests: [1, 0],
    day_tokens: [0, 0],
    day_nano_usd: [0, 0],
  })
  const out = new Exposition({})
  writeCallFamilies(out, metrics, ALL_NAMES)
  const scrape = readExposition(out.text())
  expect(scrape.sum("smart_router_requests_total")).toBe(1)
  expect(scrape.sum("smart_router_caller_requests_total")).toBe(1)
  expect(scrape.sum("smart_router_caller_tokens_total")).toBe(0)
  expect(scrape.samples.filter(({ labels }) => labels["provider"] === "p")).toEqual([])
})
