/** Records as rows of the ledger, and back. */
import { createHash } from "node:crypto"
import type { DialectName } from "../dialects/name.ts"
import { type ActivationRow, activationIdFrom } from "../ledger/activation.ts"
import { DIALECT_NAMES } from "../dialects/wires.ts"
import { isCapability } from "./capabilities.ts"
import type { ActivationRecord } from "./record.ts"

const MOST_IDS = 20
const MOST_ID_CHARS = 200
const MOST_FIGURES = 50
const MOST_REASON_CHARS = 300
const COST = "cost_nano_usd"

/** `writtenMs`: Unix milliseconds. Two rows of the same record and millisecond have the same id. */
export function rowOf(record: ActivationRecord, writtenMs: number): ActivationRow {
  const { evidence, group, signer = null } = record
  const about = [record.provider, record.model, group, record.dialect, record.capability, record.fingerprint, signer]
  const digest = createHash("sha256")
    .update(JSON.stringify([about, record.checkedAtMs, record.result]))
    .digest("hex")
  return {
    record_id: `${activationIdFrom(writtenMs)}_${digest.slice(0, 16)}`,
    checked_at: Math.round(record.checkedAtMs),
    expires_at: Math.round(record.expiresAtMs),
    provider: record.provider,
    model: record.model,
    model_group: group ?? "",
    dialect: record.dialect,
    capability: record.capability,
    result: record.result,
    fingerprint: record.fingerprint,
    source: record.source,
    signer,
    request_ids: evidence.requestIds.slice(0, MOST_IDS).map(word).join(" "),
    counters: figures(evidence.counters),
    timings: figures(evidence.timings),
    asked_hash: evidence.askedHash?.slice(0, 64) ?? null,
    reason: evidence.reason?.slice(0, MOST_REASON_CHARS) ?? null,
    cost_nano_usd: evidence.counters[COST] === undefined ? null : Math.round(evidence.counters[COST]),
  }
}

/** Those of other versions, which this one does not know, are left out. */
export function recordsOf(rows: readonly ActivationRow[]): readonly ActivationRecord[] {
  return rows.flatMap((row) => recordOf(row) ?? [])
}

function recordOf(row: ActivationRow): ActivationRecord | null {
  if (!isCapability(row.capability) || !isDialect(row.dialect)) return null
  return {
    provider: row.provider,
    model: row.model,
    group: row.model_group === "" ? null : row.model_group,
    dialect: row.dialect,
    capability: row.capability,
    result: row.result,
    checkedAtMs: row.checked_at,
    expiresAtMs: row.expires_at,
    fingerprint: row.fingerprint,
    source: row.source,
    ...(row.signer === null ? {} : { signer: row.signer }),
    evidence: {
      requestIds: row.request_ids === "" ? [] : row.request_ids.split(" "),
      counters: figuresIn(row.counters),
      timings: figuresIn(row.timings),
      askedHash: row.asked_hash,
      reason: row.reason,
    },
  }
}

export function isDialect(text: string): text is DialectName {
  return DIALECT_NAMES.some((name) => name === text)
}

/** Upstreams choose their ids. */
function word(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]/g, "_").slice(0, MOST_ID_CHARS)
}

function figures(values: Readonly<Record<string, number>>): string {
  const entries = Object.entries(values).filter(([name, value]) => /^\w{1,64}$/.test(name) && Number.isFinite(value))
  return entries
    .slice(0, MOST_FIGURES)
    .map(([name, value]) => `${name}=${Math.round(value)}`)
    .join(" ")
}

function figuresIn(text: string): Readonly<Record<string, number>> {
  const pairs = text.split(" ").map((pair) => pair.split("="))
  return Object.fromEntries(pairs.flatMap(([name, value]) => (name && value ? [[name, Number(value)]] : [])))
}
