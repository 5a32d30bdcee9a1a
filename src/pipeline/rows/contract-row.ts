/** What a call's row says about the contract of its group: labels and buckets, where the contract says that they are told. */
import type { ContractRow } from "../../ledger/record.ts"
import type { Call } from "../call.ts"
import { servedBy, type Outcome } from "../call/outcome.ts"

const DAY_MS = 86_400_000
/** Of evidence: the first that it is younger than. */
const AGES = [
  [7, "lt-7d"],
  [30, "7d-30d"],
  [90, "30d-90d"],
  [365, "90d-365d"],
] as const

/** Undefined: the group promises nothing. */
export function contractRow(call: Call, { error, answer }: Outcome): ContractRow | undefined {
  const report = call.group?.contract ?? null
  if (report === null) return undefined
  const validation = servedBy(answer)?.about.validation ?? null
  return {
    contract_bucket: report.bucket,
    contract_workload: report.workload,
    contract_failure_reason: error === null ? null : failureReason(error.detail.details),
    target_validation_status: textOf(validation?.["status"]),
    target_validation_workload: textOf(validation?.["workload"]),
    target_validation_age_bucket: ageBucket(validation?.["validatedAt"], call.ts),
  }
}

/** The first promise that left no target for the call; null: it was not the contract. */
function failureReason(details: Readonly<Record<string, unknown>> | undefined): string | null {
  const requirements = details?.["requirements"]
  if (!Array.isArray(requirements)) return null
  const reasons = requirements as readonly string[]
  return reasons.find((label) => label.startsWith("contract-")) ?? null
}

function textOf(value: string | number | undefined): string | null {
  return value === undefined ? null : String(value)
}

function ageBucket(validatedAt: string | number | undefined, nowMs: number): string | null {
  if (typeof validatedAt !== "string") return null
  const days = (nowMs - Date.parse(validatedAt)) / DAY_MS
  return AGES.find(([most]) => days < most)?.[1] ?? "gt-365d"
}
