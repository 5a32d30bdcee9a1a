/** What sample callers have used of their limits, call by call: the states that rows tell, and the refusals at the end. */
import type { ErrorCode } from "../errors.ts"
import type { UsageRow } from "../ledger/record.ts"
import type { SampleProgram } from "./company.ts"

const SOFT = 0.8
const SOFT_LIFETIME = 0.9
/** A program that asks before it works stops here, so that something is left of its lifetime budget. */
const CAREFUL = 0.94

interface Used {
  month: string
  nanoUsd: number
  requests: number
  lifetimeTokens: number
}

export interface BudgetState {
  readonly quotaState: string | null
  readonly keyState: string | null
  /** Null: the call is admitted. */
  readonly refusal: ErrorCode | null
}

export class Budgets {
  readonly #used = new Map<string, Used>()

  /** Does a program that looks after its lifetime budget still call? */
  goesOn({ id, limits }: SampleProgram): boolean {
    const { lifetimeTokens } = limits
    return lifetimeTokens === undefined || (this.#used.get(id)?.lifetimeTokens ?? 0) < CAREFUL * lifetimeTokens
  }

  stateOf({ id, limits }: SampleProgram, ts: number): BudgetState {
    const { nanoUsd, requests, lifetimeTokens } = this.#of(id, ts)
    const ofMoney = limits.monthUsd === undefined ? null : nanoUsd / (limits.monthUsd * 1e9)
    const ofRequests = limits.monthRequests === undefined ? null : requests / limits.monthRequests
    const shares = [ofMoney, ofRequests].filter((share) => share !== null)
    const keyShare = limits.lifetimeTokens === undefined ? null : lifetimeTokens / limits.lifetimeTokens
    const isSpent = shares.some((share) => share >= 1)
    return {
      quotaState:
        shares.length === 0 ? null : isSpent ? "exhausted" : shares.some((share) => share >= SOFT) ? "warning" : "ok",
      keyState: keyShare === null ? null : keyShare >= SOFT_LIFETIME ? "warning" : "ok",
      refusal: (ofMoney ?? 0) >= 1 ? "spend-exhausted" : isSpent ? "quota-exhausted" : null,
    }
  }

  add({ id }: SampleProgram, row: UsageRow): void {
    const used = this.#of(id, row.ts)
    used.requests += 1
    used.nanoUsd += row.limit_nano_usd ?? 0
    used.lifetimeTokens += row.limit_tokens ?? 0
  }

  #of(id: string, ts: number): Used {
    const month = new Date(ts).toISOString().slice(0, 7)
    let used = this.#used.get(id)
    if (used === undefined) {
      used = { month, nanoUsd: 0, requests: 0, lifetimeTokens: 0 }
      this.#used.set(id, used)
    }
    if (used.month !== month) Object.assign(used, { month, nanoUsd: 0, requests: 0 })
    return used
  }
}
