/**
 * `scripts/run bench/micro/admission.ts`: what an admission and its settlement cost with every limit on, in memory; the
 * state and the journal alone, and then the pipeline's own step, which estimates what the call may use from its body. The
 * bar is 5 µs.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Journal, type Reservation } from "../../src/governance/journal.ts"
import { MemoryState } from "../../src/governance/memory.ts"
import { CHECK_KINDS } from "../../src/governance/check-kinds.ts"
import type { AdmissionRequest, CompiledLimits } from "../../src/governance/state.ts"
import { scanObject } from "../../src/json/scan.ts"
import { estimate } from "../../src/pipeline/limits/estimate.ts"
import { reserve } from "../../src/pipeline/reserve.ts"
import { silentLog } from "../../src/system/log.ts"
import { agentBody, longAgentBody, screenBody, smallBody } from "../bodies.ts"
import { callOf, end, gateway, groupOf, type Asked } from "./calls.ts"
import { compare } from "./timing.ts"

const LIMIT = 1e15
const RUNS = 20_000
const BUCKETS = new Set(["request_start", "input_tokens", "output_reservation_tokens", "total_reserved_tokens"])

/** Every kind of check, for the caller and (but for buckets and the lifetime) its project. */
const limits: CompiledLimits = {
  subjects: [
    { key: "caller:bench", scope: "caller", id: "bench" },
    { key: "project:bench", scope: "project", id: "bench" },
  ],
  checks: CHECK_KINDS.flatMap((kind) =>
    [0, 1].flatMap((subject) => {
      const isBucket = BUCKETS.has(kind)
      if (subject === 1 && (isBucket || kind === "lifetime_tokens")) return []
      return [
        { kind, subject, limit: LIMIT, perSecond: isBucket ? LIMIT : 0, softLimit: isBucket ? Infinity : LIMIT / 2 },
      ]
    }),
  ),
  countsTokens: true,
  countsMoney: true,
  shapes: true,
  queue: null,
}

const state = new MemoryState()
const folder = mkdtempSync(join(tmpdir(), "bench-admission-"))
const journal = new Journal(join(folder, "reservations"), silentLog)
const ACTUAL = { requests: 1, tokens: 500, nanoUsd: 12_345 } as const
let number = 0

function request(): AdmissionRequest {
  number += 1
  return {
    id: `req_${number}`,
    limits,
    ts: 1_764_200_000_000 + number,
    nowMs: number / 4,
    inputTokens: 300,
    outputTokens: 4096,
    leastOutputTokens: 16,
    inputNanoUsd: 3_000_000,
    outputNanoUsdPerMillion: 15_000_000_000,
  }
}

function admitAndSettle(): void {
  const asked = request()
  const lease = state.admit(asked)
  if (lease.kind === "lease") state.settle(lease, ACTUAL, asked.nowMs + 10)
}

function reservation(): Reservation {
  number += 1
  return {
    request_id: `req_01a21c85274aca8b3c9c0befd5fc01d2_${number}`,
    ts: 1_764_200_000_000,
    caller_id: "app-1",
    caller_user: "me",
    caller_project: "lab",
    caller_environment: "prod",
    token_id: "rtr_me_lab_prod_k1",
    inbound_dialect: "openai-chat",
    requested_model: "fast",
    resolved_group: "fast",
    strategy: "failover",
    stream: 0,
    input_tokens: 300,
    output_tokens: 4096,
    nano_usd: 64_000_000,
  }
}

compare(`${limits.checks.length} checks over two subjects`, RUNS, {
  "admit and settle": admitAndSettle,
  "journal: open and close": () => {
    const line = reservation()
    journal.open(line)
    journal.close(line.request_id)
  },
})
const plain = groupOf("plain")
for (const [title, text, runs] of [
  ["small body", smallBody("plain"), 5000],
  ["agent body", agentBody("plain"), 200],
  ["long agent body", longAgentBody("plain"), 30],
  ["agent body with screens", screenBody("plain"), 50],
] as const) {
  const body = scanObject(new TextEncoder().encode(text), 512)
  const asked: Asked = { dialect: "openai-chat", group: plain, caller: "limited", headers: {} }
  compare(`a caller with every limit, ${title} of ${body.bytes.length} bytes`, runs, {
    "the call object": () => callOf(body, asked),
    "+ estimate": () => estimate(callOf(body, asked), plain.targets, gateway.governance.estimator),
    "+ reserve, journal and settle": () => {
      const call = callOf(body, asked)
      const { hold } = call
      if (hold === null) throw new Error("the caller has limits")
      void reserve({ eligible: plain.targets, rejected: [], missing: [] }, call, hold, gateway)
      if (hold.lease === null) throw new Error("the lease waits for nothing")
      gateway.governance.state.settle(hold.lease, ACTUAL, gateway.clock.monotonicMs())
      gateway.governance.journal?.close(call.id)
    },
  })
}
await end()
await new Promise((resolve) => setImmediate(resolve))
journal.end()
rmSync(folder, { recursive: true, force: true })
