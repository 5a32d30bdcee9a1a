/** What strategies may know of a call. Made once per ranking; what costs something is worked out when it is asked for. */
import type { Caller, Group } from "../config/snapshot.ts"
import type { DialectName, RequestFacts } from "../dialects/dialect.ts"
import type { CallShape } from "../dialects/shape.ts"
import type { ScannedObject } from "../json/scan.ts"
import { estimatedInputTokens } from "../routing/eligibility/estimate.ts"
import type { CallFacts } from "../routing/strategy.ts"
import type { Call } from "./call.ts"

export class FactsOfCall implements CallFacts {
  readonly group: Group
  private readonly call: Call

  constructor(call: Call, group: Group) {
    this.call = call
    this.group = group
  }

  get id(): string {
    return this.call.id
  }

  get dialect(): DialectName {
    return this.call.dialect.name
  }

  get caller(): Caller | null {
    return this.call.credential?.caller ?? null
  }

  get request(): RequestFacts {
    return this.call.facts
  }

  get estimatedInputTokens(): number {
    return this.call.body === null ? 0 : estimatedInputTokens(this.call, 0)
  }

  get body(): ScannedObject | null {
    return this.call.body
  }

  get shape(): CallShape | null {
    return this.call.body === null ? null : this.call.shape
  }

  get tokenId(): string | null {
    return this.call.credential?.tokenId ?? null
  }
}
