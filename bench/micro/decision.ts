/**
 * `scripts/run bench/micro/decision.ts`: what it costs to decide where a call goes. The pipeline's own steps on a compiled
 * configuration with six targets: eligibility, `dynamic_score` over live figures that move, affinity, health, and what is
 * remembered of the target that served. The bar is 10 µs for the small body, everything on; the first line is the call
 * object alone, which every call has.
 */
import { compile } from "../../src/config/compile.ts"
import type { Group, Target } from "../../src/config/snapshot.ts"
import { DIALECTS } from "../../src/dialects/registry.ts"
import { scanObject, type ScannedObject } from "../../src/json/scan.ts"
import { pinnedOrder, rememberTarget } from "../../src/pipeline/affinity.ts"
import { Call } from "../../src/pipeline/call.ts"
import type { Gateway } from "../../src/pipeline/gateway.ts"
import type { Incoming } from "../../src/pipeline/message.ts"
import { rank } from "../../src/pipeline/rank.ts"
import { shortlistFor } from "../../src/pipeline/shortlist.ts"
import { MemoryPinStore } from "../../src/routing/affinity/pin-store.ts"
import { Observations } from "../../src/routing/observations.ts"
import { STRATEGIES, type Strategies } from "../../src/routing/strategy.ts"
import { systemClock } from "../../src/system/clock.ts"
import { systemRandom } from "../../src/system/random.ts"
import { Health } from "../../src/upstream/health.ts"
import { mustLoad } from "../../test/helpers/load-text.ts"
import { agentBody, smallBody } from "../bodies.ts"
import { compare } from "./timing.ts"

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
const group = (name: string, more: string): string => `  ${name}:
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
const CONFIG = `server:
  listen: 127.0.0.1:0
providers:
${PROVIDERS.join("\n")}
models:
${group("plain", THRESHOLDS)}${group("contract", `${THRESHOLDS}\n${CONTRACT}`)}${group("complexity", COMPLEXITY)}
users: [{ id: me, name: Me, type: person, status: active }]
projects: [{ id: lab, name: Lab, status: active }]
project_memberships: [{ user_id: me, project: lab, role: owner, status: active }]
callers:
  - { id: me-lab, owner_user: me, project: lab, environment: dev, status: active, allow: [plain], token_id: t, token_sha256: ${"1f".repeat(32)} }
`

const snapshot = compile(mustLoad(CONFIG), { userAgent: "bench" })
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
}
const live = new Observations()
function serve(target: Target): void {
  live.begin(target)
  live.answered(target, systemClock.monotonicMs(), 1500 + target.index * 20, 300, usage)
}
for (const { targets } of snapshot.groups.values())
  for (let count = 0; count < 100; count++) for (const target of targets) serve(target)

const health = new Health()
health.adopt(snapshot, systemClock.monotonicMs())
const gateway = {
  snapshot,
  clock: systemClock,
  random: systemRandom(),
  live,
  health,
  pins: new MemoryPinStore(),
  strategies: STRATEGIES as Strategies,
} as Partial<Gateway> as Gateway
const [credential] = snapshot.credentials.values()
if (credential === undefined) throw new Error("no caller")

type Headers = Readonly<Record<string, string>>

function callOf(body: ScannedObject, chosen: Group, headers: Headers): Call {
  const dialect = DIALECTS["openai-chat"]
  const request = { headers: { get: (name: string) => headers[name] ?? null } } as Partial<Incoming> as Incoming
  const started = { ts: systemClock.now(), startedAt: systemClock.monotonicMs() }
  const call = new Call({ id: "req_bench", dialect, request, snapshot, address: null, ...started })
  call.credential = credential ?? null
  call.body = body
  call.facts = dialect.peek(body)
  call.group = chosen
  return call
}

function decide(call: Call): readonly Target[] {
  const chosen = call.group as Group
  const order = rank(shortlistFor(chosen, call, gateway), chosen, call, gateway)
  if (order instanceof Promise) throw new Error("nobody is asked")
  const [first] = order
  if (first === undefined) throw new Error("nobody is left")
  rememberTarget(first, order, call, gateway)
  return order
}

const SESSION: Headers = { "x-session-id": "a session" }
const groupOf = (name: string): Group => snapshot.groups.get(name) as Group

for (const [title, text, runs] of [
  ["small body", smallBody("plain"), 5000],
  ["agent body", agentBody("plain"), 100],
] as const) {
  const body = scanObject(new TextEncoder().encode(text), 512)
  const work = (name: string, headers: Headers) => (): unknown => decide(callOf(body, groupOf(name), headers))
  const plain = groupOf("plain")
  compare(`six targets, ${title} of ${body.bytes.length} bytes`, runs, {
    "the call object": () => callOf(body, plain, SESSION),
    "+ eligibility": () => shortlistFor(plain, callOf(body, plain, SESSION), gateway),
    "+ shape": () => callOf(body, plain, SESSION).shape.hasSeals,
    "+ pin": () => pinnedOrder(plain.targets, plain, callOf(body, plain, SESSION), gateway),
    "all, by session": work("plain", SESSION),
    "all, by first turns": work("plain", {}),
    "all, figures moving": () => {
      const order = decide(callOf(body, plain, SESSION))
      serve(order[0] as Target)
      return order
    },
    "all, with a contract": work("contract", SESSION),
    "all, by complexity": work("complexity", SESSION),
  })
}
