/** `scripts/run bench/micro/telemetry.ts`: what it costs to note and to write down how a call was decided. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { stringify } from "yaml"
import { Standings } from "../../src/activation/standings.ts"
import { compile } from "../../src/config/compile/compile.ts"
import { loadConfig } from "../../src/config/load.ts"
import type { Credential, Snapshot } from "../../src/config/snapshot.ts"
import type { TelemetryRule } from "../../src/config/compile/recording.ts"
import { DIALECTS } from "../../src/dialects/registry.ts"
import { scanObject, type ScannedObject } from "../../src/json/scan.ts"
import type { DecisionRows } from "../../src/ledger/decision-record.ts"
import { openLedger } from "../../src/ledger/open.ts"
import { Call, type KnownCall } from "../../src/pipeline/call.ts"
import { decisionRows } from "../../src/pipeline/rows/decision-rows.ts"
import { CallRequest } from "../../src/pipeline/call/request.ts"
import { rank } from "../../src/pipeline/rank.ts"
import { shortlistByShape } from "../../src/pipeline/shortlist.ts"
import { dryGateway } from "../../src/server/dry-gateway.ts"
import { systemClock } from "../../src/system/clock.ts"
import { silentLog } from "../../src/system/log.ts"
import { sampleCall } from "../../test/helpers/sample-call.ts"
import { agentBody, smallBody } from "../bodies.ts"
import { compare } from "./timing.ts"

const RULE: TelemetryRule = { maxCandidates: 64, maxFilterReasons: 256, candidates: true }
const TOKEN = "0".repeat(64)
const TARGETS = 6
const GROUP = 30
const RECORDED = 3000

function snapshotOf(strategy: string): Snapshot {
  const providers = Object.fromEntries(
    Array.from({ length: TARGETS }, (_, index) => [
      `p${index}`,
      {
        base_url: "http://127.0.0.1:9/v1",
        dialect: "openai-chat",
        auth_scheme: "none",
        models: { m: { model: `m${index}`, input_price_per_million_usd: 1 + index, output_price_per_million_usd: 5 } },
      },
    ]),
  )
  const identity = { owner_user: "me", project: "lab", environment: "dev", status: "active" }
  const config = {
    server: { listen: "127.0.0.1:0" },
    providers,
    models: {
      default: { strategy, targets: Object.keys(providers).map((provider) => ({ provider, model_ref: "m" })) },
    },
    users: [{ id: "me", name: "Me", type: "person", status: "active" }],
    projects: [{ id: "lab", name: "Lab", status: "active" }],
    project_memberships: [{ user_id: "me", project: "lab", role: "owner", status: "active" }],
    callers: [{ id: "app-1", ...identity, token_sha256: TOKEN, token_id: "rtr_bench", allow: ["default"] }],
  }
  const path = join(folder, "config.yaml")
  writeFileSync(path, stringify(config))
  const { config: loaded, findings } = loadConfig({ path, env: {} })
  if (loaded === null) throw new Error(JSON.stringify(findings))
  return compile(loaded, { userAgent: "" })
}

const requestOf = (call: KnownCall, body: ScannedObject): CallRequest =>
  new CallRequest(call, { body, facts: call.dialect.peek(body), heldIds: null, isSealed: null })

const folder = mkdtempSync(join(tmpdir(), "bench-telemetry-"))
const incoming = {
  method: "POST",
  target: "/",
  path: "/",
  headers: { get: () => null },
  address: null,
  isWhole: true,
  receivedBytes: 0,
  body: () => new Uint8Array(),
  onGone: null,
}

async function decide(
  body: Uint8Array,
  plain: Snapshot,
  telemetry: TelemetryRule | null,
): Promise<() => DecisionRows | null> {
  const snapshot = { ...plain, telemetry, traceCalls: false }
  const { gateway } = await dryGateway(snapshot, new Map(), new Standings())
  const credential = snapshot.credentials.get(TOKEN) as Credential
  const group = snapshot.groups.get("default")
  if (group === undefined) throw new Error("no group")
  const scanned = scanObject(body, 512)
  return () => {
    const start = {
      id: "req_0",
      dialect: DIALECTS["openai-chat"],
      incoming,
      snapshot,
      ts: 1,
      startedAt: 1,
      address: null,
    }
    const call = new Call(start)
    const known = call.learnCaller(credential)
    const admitted = known.learnRequest(requestOf(known, scanned)).learnGroup(group)
    void rank(shortlistByShape(admitted, gateway), admitted, gateway)
    const { decision } = call.notes
    return decision === null ? null : decisionRows(decision, admitted)
  }
}

async function writing(name: string, decision: DecisionRows | null): Promise<void> {
  const path = join(folder, name, "usage.sqlite")
  const ledger = await openLedger({
    path,
    durability: "commit",
    onUnavailable: "spool",
    clock: systemClock,
    log: silentLog,
  })
  let least = Infinity
  let next = 0
  for (let round = 0; round < 5; round++) {
    const calls = Array.from({ length: RECORDED }, () => ({ ...sampleCall(systemClock.now(), next++), decision }))
    const before = process.cpuUsage()
    for (let from = 0; from < RECORDED; from += GROUP)
      await Promise.all(calls.slice(from, from + GROUP).map((call) => ledger.record(call)))
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / RECORDED)
  }
  await ledger.close()
  process.stdout.write(`  ${name.padEnd(28)} least ${least.toFixed(1)} µs\n`)
}

for (const strategy of ["weighted", "dynamic_score"]) {
  const snapshot = snapshotOf(strategy)
  for (const [name, body] of [
    ["small body", Buffer.from(smallBody("default"))],
    ["agent body", Buffer.from(agentBody("default"))],
  ] as const)
    compare(`${strategy}, ${TARGETS} targets, ${name}: shortlist and rank`, name === "small body" ? 2000 : 200, {
      "telemetry off": await decide(body, snapshot, null),
      "telemetry on, with its rows": await decide(body, snapshot, RULE),
    })
}
process.stdout.write(`a recorded call, SQLite, groups of ${GROUP}\n`)
await writing("without", null)
await writing(
  "with rows of weighted",
  (await decide(Buffer.from(smallBody("default")), snapshotOf("weighted"), RULE))(),
)
await writing(
  "with rows of dynamic_score",
  (await decide(Buffer.from(smallBody("default")), snapshotOf("dynamic_score"), RULE))(),
)
rmSync(folder, { recursive: true, force: true })
