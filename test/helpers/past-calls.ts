/** Calls as an earlier router has recorded them, and a configuration to replay them with. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import type { ShapeFeatureRow } from "../../src/ledger/decision-record.ts"
import type { LedgerStore } from "../../src/ledger/open.ts"
import type { CallRecord, UsageRow } from "../../src/ledger/record.ts"
import { sha256 } from "./config.ts"
import { sampleCall } from "./sample-call.ts"
import { sampleDecision } from "./sample-decision.ts"

interface Past {
  readonly usage?: Partial<UsageRow>
  /** Null: telemetry was off. */
  readonly shape?: Partial<ShapeFeatureRow> | null
}

/** Of the group `fast`, served by `alpha`; without a conversation. */
export function pastCall(ts: number, number: number, { usage = {}, shape = {} }: Past = {}): CallRecord {
  const call = sampleCall(ts, number, usage)
  if (shape === null) return call
  const known = sampleDecision(ts)
  const single = { conversation_kind: null, conversation_key: null, conversation_opening: null }
  const features = known.shape === null ? null : { ...known.shape, tool_count: 0, reasoning_requested: 0 as const }
  return {
    ...call,
    decision: {
      ...known,
      shape: features === null ? null : { ...features, ...single, ...shape },
      // the shadow is that of tests of their own
      decisions: known.decisions.filter(({ mode }) => mode === "live"),
    },
  }
}

export async function recorded(ledger: LedgerStore, calls: readonly CallRecord[]): Promise<void> {
  for (let begin = 0; begin < calls.length; begin += 1000)
    await Promise.all(calls.slice(begin, begin + 1000).map((call) => ledger.record(call)))
}

interface Shape {
  readonly usageDb: object
  readonly group?: object
  readonly more?: object
}

/** Written to `folder`, which is made. The targets of `fast` are `alpha` and `beta`, which costs half as much. */
export function replayConfig(folder: string, { usageDb, group = {}, more = {} }: Shape): string {
  const provider = (usd: number): object => ({
    base_url: "http://127.0.0.1:9/v1",
    dialect: "openai-chat",
    auth_scheme: "none",
    models: {
      m: {
        model: "vendor-big-2026",
        input_price_per_million_usd: usd,
        cached_input_price_per_million_usd: usd / 10,
        output_price_per_million_usd: usd * 5,
      },
    },
  })
  const targets = ["alpha", "beta"].map((name) => ({ provider: name, model_ref: "m", weight: 1 }))
  const identity = { owner_user: "me", project: "lab", environment: "prod", status: "active" }
  const path = join(folder, "new.yaml")
  const config = {
    server: { listen: "127.0.0.1:0", usage_db: usageDb },
    providers: { alpha: provider(3), beta: provider(1.5) },
    models: { fast: { strategy: "static", targets, ...group } },
    users: [{ id: "me", name: "Me", type: "person", status: "active" }],
    projects: [{ id: "lab", name: "Lab", status: "active" }],
    project_memberships: [{ user_id: "me", project: "lab", role: "owner", status: "active" }],
    callers: [{ id: "app-1", ...identity, token_sha256: sha256("t"), token_id: "rtr_me_lab_prod_k1", allow: ["fast"] }],
    ...more,
  }
  mkdirSync(folder, { recursive: true })
  writeFileSync(path, JSON.stringify(config))
  return path
}
