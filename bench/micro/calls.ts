/** A compiled configuration with six targets, and calls of it as the pipeline has them once their body is there. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { compile } from "../../src/config/compile/compile.ts"
import type { Credential, Group, Snapshot, Target } from "../../src/config/snapshot.ts"
import type { DialectName } from "../../src/dialects/dialect.ts"
import { DIALECTS } from "../../src/dialects/registry.ts"
import { Governance } from "../../src/governance/governance.ts"
import { Journal } from "../../src/governance/journal.ts"
import { MemoryState } from "../../src/governance/memory.ts"
import type { ScannedObject } from "../../src/json/scan.ts"
import { Call, type AdmittedCall, type KnownCall } from "../../src/pipeline/call.ts"
import type { Gateway } from "../../src/pipeline/gateway.ts"
import type { Incoming } from "../../src/pipeline/message.ts"
import { CallRequest } from "../../src/pipeline/call/request.ts"
import { receive } from "../../src/pipeline/receive.ts"
import { MemoryPinStore } from "../../src/routing/affinity/pin-store.ts"
import { Observations } from "../../src/routing/observations.ts"
import { STRATEGIES } from "../../src/routing/strategies.ts"
import type { Strategies } from "../../src/routing/strategy.ts"
import { systemClock } from "../../src/system/clock.ts"
import { silentLog } from "../../src/system/log.ts"
import { systemRandom } from "../../src/system/random.ts"
import { Health } from "../../src/upstream/health.ts"
import { mustLoad } from "../../test/helpers/load-text.ts"

const CAPABLE =
  "input_modalities: [text, image], reasoning: { supported: true }, " +
  "tool_support: { openai_chat: [tools, tool_choice, structured_outputs] }"
const TARGETS = Array.from({ length: 6 }, (_, index) => {
  const facts = index % 2 === 0 ? `${CAPABLE}, context_tokens: 400000` : "context_tokens: 1000000"
  const prices = `input_price_per_million_usd: ${1 + index}, cached_input_price_per_million_usd: 0.1, output_price_per_million_usd: ${5 + index}`
  return `      - { provider: p${index}, model: m${index}, weight: 1, ${prices}, ${facts} }`
})
const PROVIDERS = TARGETS.map(
  (_, index) =>
    `  p${index}: { base_url: "https://p${index}.example/v1", dialect: openai-chat, api_key: key-${index}-of-the-bench }`,
)
const groupText = (name: string, more: string): string => `  ${name}:
    strategy: dynamic_score
${more}
    targets:
${TARGETS.join("\n")}
`
const THRESHOLDS =
  "    routing_policy: { dynamic_score: { exploration_percent: 2, thresholds: { max_error_rate: 0.2, max_p95_latency_ms: 60000 } } }"
const CONTRACT =
  "    contract: { operational_targets: { max_p95_latency_ms: 60000, max_error_rate: 0.2, min_output_tokens_per_sec: 1 } }"
const COMPLEXITY = `    routing_policy:
      dynamic_score:
        score_terms:
          - { name: easy, when: { complexity_lte: standard }, expression: 0.7*cost_score + 0.3*latency_score }
          - { name: hard, when: { complexity_gte: complex }, expression: 0.8*eval_quality_score + 0.2*reliability_score }`
const LIMITS = `rate: { rpm: 1000000000, tpm: 1000000000000, concurrent: 1000000 },
      quota: { day: { requests: 1000000000, tokens: 1000000000000000 }, month: { requests: 1000000000, tokens: 1000000000000000 } },
      key: { lifetime_tokens: 1000000000000000 }, spend: { day_usd: 1000000, month_usd: 1000000 },
      traffic_shape: { enabled: true, request_start_per_sec: 1000000000, request_burst: 1000000000, input_tokens_per_sec: 1000000000000,
        input_token_burst: 1000000000000, output_reservation_tokens_per_sec: 1000000000000, output_reservation_token_burst: 1000000000000,
        total_reserved_tokens_per_sec: 1000000000000, total_reserved_token_burst: 1000000000000 }`
const CONFIG = `server:
  listen: 127.0.0.1:0
providers:
${PROVIDERS.join("\n")}
models:
${groupText("plain", THRESHOLDS)}${groupText("contract", `${THRESHOLDS}\n${CONTRACT}`)}${groupText("complexity", COMPLEXITY)}
users: [{ id: me, name: Me, type: person, status: active }]
projects: [{ id: lab, name: Lab, status: active }]
project_memberships: [{ user_id: me, project: lab, role: owner, status: active }]
callers:
  - { id: me-lab, owner_user: me, project: lab, environment: dev, status: active, allow: [plain], token_id: t, token_sha256: ${"1f".repeat(32)} }
  - { id: limited, owner_user: me, project: lab, environment: dev, status: active, allow: [plain], token_id: l, token_sha256: ${"2f".repeat(32)},
      ${LIMITS} }
`

export const snapshot: Snapshot = compile(mustLoad(CONFIG), { userAgent: "bench" })
const usage = {
  freshInputTokens: 500,
  cachedInputTokens: 500,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 200,
  reasoningTokens: null,
  unreported: null,
  reportedCostUsd: null,
  mixedModels: false,
  parts: null,
}
const live = new Observations()
/** The target has answered once more. */
export function serve(target: Target): void {
  live.begin(target)
  live.answered(target, systemClock.monotonicMs(), 1500 + target.index * 20, 300, usage)
}
for (const { targets } of snapshot.groups.values())
  for (let count = 0; count < 100; count++) for (const target of targets) serve(target)

const health = new Health()
health.adopt(snapshot, systemClock.monotonicMs())
const folder = mkdtempSync(join(tmpdir(), "bench-calls-"))
const journal = new Journal(join(folder, "reservations"), silentLog)
export const gateway: Gateway = {
  snapshot,
  clock: systemClock,
  random: systemRandom(),
  live,
  health,
  pins: new MemoryPinStore(),
  strategies: STRATEGIES as Strategies,
  governance: new Governance(new MemoryState(), journal, systemClock),
} as Partial<Gateway> as Gateway

/** Writes what the journal still holds, and removes it. */
export async function end(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  journal.end()
  rmSync(folder, { recursive: true, force: true })
}

export type Headers = Readonly<Record<string, string>>

export interface Asked {
  readonly dialect: DialectName
  readonly group: Group
  /** Of the caller. */
  readonly caller: "me-lab" | "limited"
  readonly headers: Headers
}

const credentials = new Map([...snapshot.credentials.values()].map((one) => [one.caller.id, one]))
export const groupOf = (name: string): Group => snapshot.groups.get(name) as Group

function begin({ dialect, caller, headers }: Asked, body: Uint8Array | null): KnownCall {
  const incoming = {
    path: "/v1/chat/completions",
    headers: { get: (name: string) => headers[name] ?? null },
    body: () => body,
  } as Partial<Incoming> as Incoming
  const started = { ts: systemClock.now(), startedAt: systemClock.monotonicMs() }
  number += 1
  const call = new Call({
    id: `req_${number}`,
    dialect: DIALECTS[dialect],
    incoming,
    snapshot,
    address: null,
    ...started,
  })
  return call.learnCaller(credentials.get(caller) as Credential)
}

let number = 0

/** A call whose body was checked before: what the pipeline reads from it right behind the check is read. */
export function callOf(body: ScannedObject, asked: Asked): AdmittedCall {
  const call = begin(asked, null)
  const { dialect } = call
  if (dialect.stored.mayHold(body)) throw new Error("no such body here")
  const request = new CallRequest(call, { body, facts: dialect.peek(body), heldIds: null, isSealed: null })
  return call.learnRequest(request).learnGroup(asked.group)
}

/** The whole step, UTF-8 and JSON included. */
export function received(body: Uint8Array, asked: Asked): AdmittedCall {
  const call = begin({ ...asked, headers: { ...asked.headers, "content-type": "application/json" } }, body)
  const request = receive(call, gateway)
  if (request instanceof Promise) throw new Error("the body is here")
  return call.learnRequest(request).learnGroup(asked.group)
}
