/** Strategy `script`: the operator's own code picks the target. */
import type { Target } from "../../config/snapshot.ts"
import type { ScriptSettings } from "../../config/compile/policy-settings.ts"
import type { Clock } from "../../system/clock.ts"
import { decisionOf, isDecision, labelOfFault } from "../policy/decision.ts"
import { PolicyFailed, type PolicyError, type PolicyExecution } from "../policy/execution.ts"
import type { Ranking, Strategy } from "../strategy.ts"
import { ScriptFault } from "./fault.ts"
import type { Scripts } from "./scripts.ts"

export function scriptStrategy(scripts: Pick<Scripts, "of">, clock: Clock): Strategy {
  return (eligible, call, { settings }) => {
    const script = scripts.of(settings)
    const startedMs = clock.monotonicMs()
    const took = (): number => clock.monotonicMs() - startedMs
    const judge = (json: string): Ranking => judged(json, eligible, script.settings, took())
    const failed = (error: unknown): Ranking => faulted(error, eligible, script.settings, took())
    try {
      const answer = script.run(eligible, call)
      return typeof answer === "string" ? judge(answer) : answer.then(judge, failed)
    } catch (error) {
      if (error instanceof PolicyFailed) throw error
      return failed(error)
    }
  }
}

function judged(json: string, eligible: readonly Target[], settings: ScriptSettings, durationMs: number): Ranking {
  const verdict = decisionOf(json, eligible)
  if (!isDecision(verdict)) {
    const error = verdict === "not-json" ? "bad-decision" : verdict
    return instead({ ...NOTHING, durationMs, error, classLabel: labelOfFault(json, eligible) }, eligible, settings)
  }
  const { order, classLabel } = verdict
  const policy: PolicyExecution = {
    ...NOTHING,
    outcome: "decided",
    durationMs,
    classLabel,
    targetIndex: order[0]?.index ?? null,
    fallbackCount: order.length - 1,
  }
  return { order, mode: "policy", classLabel, lane: null, explanation: null, policy }
}

function faulted(error: unknown, eligible: readonly Target[], settings: ScriptSettings, durationMs: number): Ranking {
  const [reason, detail]: [PolicyError, string | null] =
    error instanceof ScriptFault ? [error.kind, error.errorName] : ["unavailable", null]
  return instead({ ...NOTHING, durationMs, error: reason, errorDetail: detail }, eligible, settings)
}

/** @throws PolicyFailed unless the configured order may stand in */
function instead(policy: PolicyExecution, eligible: readonly Target[], settings: ScriptSettings): Ranking {
  if (settings.onError === "fail_closed") throw new PolicyFailed(policy)
  return {
    order: eligible,
    mode: "policy-fallback",
    classLabel: null,
    lane: null,
    explanation: null,
    policy: { ...policy, outcome: "fallback" },
  }
}

const NOTHING: PolicyExecution = {
  kind: "script",
  outcome: "failed",
  durationMs: 0,
  classLabel: null,
  targetIndex: null,
  fallbackCount: null,
  error: null,
  errorDetail: null,
}
