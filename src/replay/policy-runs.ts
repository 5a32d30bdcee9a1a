/** How scripts and services of the new configuration did. */
import type { PolicyExecution } from "../routing/policy/execution.ts"

export interface PolicyFigures {
  readonly runs: number
  /** Runs that failed, by what happened; with `on_error: fallback` the configured order counts for their calls. */
  readonly failures: Readonly<Record<string, number>>
  /** Decided without the texts, the request or the counts that the policy looked at: they are not recorded. */
  readonly without_content: number
}

export class PolicyRuns {
  private runs = 0
  private withoutContent = 0
  private readonly failures: Record<string, number> = {}

  add({ error }: Pick<PolicyExecution, "error">, lacksContent: boolean): void {
    this.runs++
    if (lacksContent) this.withoutContent++
    if (error !== null) this.failures[error] = (this.failures[error] ?? 0) + 1
  }

  figures(): PolicyFigures | null {
    if (this.runs === 0) return null
    return { runs: this.runs, failures: this.failures, without_content: this.withoutContent }
  }
}
