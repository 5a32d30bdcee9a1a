/** One run of a policy, as it is recorded: what came out, how long it took, and of a failure its name, never its words. */
import { RouterError } from "../../errors.ts"
import type { DecisionFault } from "./decision.ts"
import type { ScriptFaultKind } from "../script/fault.ts"

/** A closed list. */
export type PolicyError =
  | DecisionFault
  | ScriptFaultKind
  /** The script could not be prepared. */
  | "unavailable"
  /** The service answered with another status than 2xx. */
  | "status"
  /** The service could not be reached, or broke off. */
  | "network"
  | "too-large"
  /** A redirect that must not be followed. */
  | "redirect"
  /** An address or a host that must not be called. */
  | "forbidden"

export interface PolicyExecution {
  readonly kind: "script" | "external"
  /** `fallback`: it failed, and the configured order counts. */
  readonly outcome: "decided" | "fallback" | "failed"
  readonly durationMs: number
  readonly classLabel: string | null
  /** Places in the group's `targets`; null where nothing was decided. */
  readonly targetIndex: number | null
  readonly fallbackCount: number | null
  readonly error: PolicyError | null
  /** Of a script: e.g. `TypeError`. Of a service: its status. */
  readonly errorDetail: string | null
}

/** The call ends, because its policy failed and nothing may stand in. */
export class PolicyFailed extends RouterError {
  readonly execution: PolicyExecution

  constructor(execution: PolicyExecution) {
    super("routing-policy-error", { details: { reason: execution.error ?? "failed" } })
    this.execution = execution
  }
}
