/** What the refusal of a limit must know of the call: worked out only for calls that are refused. */
import type { Group, Target } from "../../config/snapshot.ts"
import type { Estimator } from "../../governance/estimator.ts"
import type { AdmittedCall, Call } from "../call.ts"
import { estimate } from "./estimate.ts"
import type { Asker } from "./refuse.ts"

const MOST_FREE = 5
const CAP_FIELDS = {
  "openai-chat": "max_completion_tokens",
  "openai-responses": "max_output_tokens",
  anthropic: "max_tokens",
} as const

/** `dearest`: as `dearestTarget` names it. */
export function askerOf(call: Call, dearest: string | null = null): Asker {
  const dialect = call.dialect.name
  return {
    dialect,
    isCodex: dialect === "openai-responses" && isCodex(call),
    capField: call.facts.outputCap?.field ?? CAP_FIELDS[dialect],
    dearest,
    free: freeGroups(call),
  }
}

/** Its versions and editors: `codex_exec`, `codex-tui`, `codex_vscode`. */
function isCodex({ incoming }: Call): boolean {
  return /^codex/i.test(incoming.headers.get("originator") ?? incoming.headers.get("user-agent") ?? "")
}

/** Of the targets that may serve the call, the one that it costs most at; null: none has a price, or callers may not know. */
export function dearestTarget(call: AdmittedCall, targets: readonly Target[], estimator: Estimator): string | null {
  if (call.snapshot.showsRequestedModel) return null
  let most = 0
  let name: string | null = null
  for (const target of targets) {
    const { inputNanoUsd, outputTokens, outputNanoUsdPerMillion } = estimate(call, [target], estimator)
    const nanoUsd = inputNanoUsd + (outputTokens * outputNanoUsdPerMillion) / 1e6
    if (nanoUsd <= most) continue
    most = nanoUsd
    name = `${target.provider.name}/${target.model}`
  }
  return name
}

function freeGroups({ snapshot, credential, group }: Call): readonly string[] {
  const names: string[] = []
  for (const [id, other] of snapshot.groups) {
    if (id !== other.name || other === group || credential?.caller.allowed.has(id) !== true) continue
    if (isFree(other) && names.push(id) >= MOST_FREE) break
  }
  return names
}

function isFree({ targets }: Group): boolean {
  return targets.length > 0 && targets.every(({ reservation: { prices } }) => prices !== null && costsNothing(prices))
}

function costsNothing(prices: NonNullable<Target["reservation"]["prices"]>): boolean {
  const { steps, mediaNanoUsdPerMillion, imageNanoUsd, hostedToolNanoUsd } = prices
  const isPlain = mediaNanoUsdPerMillion === 0 && imageNanoUsd === 0 && hostedToolNanoUsd === 0
  return isPlain && steps.every((step) => step.inputNanoUsdPerMillion === 0 && step.outputNanoUsdPerMillion === 0)
}
