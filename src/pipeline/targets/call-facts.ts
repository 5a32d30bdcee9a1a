/** What strategies may know of a call. Made once per ranking; what costs something is worked out when it is asked for. */
import type { Caller, Group } from "../../config/snapshot.ts"
import type { DialectName, RequestFacts } from "../../dialects/dialect.ts"
import type { CallShape } from "../../dialects/shape.ts"
import type { ScannedObject } from "../../json/scan.ts"
import { estimatedInputTokens } from "../../routing/eligibility/estimate.ts"
import type { CallFacts } from "../../routing/strategy.ts"
import type { AdmittedCall } from "../call.ts"

export class FactsOfCall implements CallFacts {
  readonly group: Group
  private readonly call: AdmittedCall

  constructor(call: AdmittedCall) {
    this.call = call
    this.group = call.group
  }

  get id(): string {
    return this.call.id
  }

  get dialect(): DialectName {
    return this.call.dialect.name
  }

  get caller(): Caller {
    return this.call.credential.caller
  }

  get request(): RequestFacts {
    return this.call.request.facts
  }

  get estimatedInputTokens(): number {
    return estimatedInputTokens(this.call.request, 0)
  }

  get body(): ScannedObject {
    return this.call.request.body
  }

  get shape(): CallShape {
    return this.call.request.shape
  }

  get tokenId(): string {
    return this.call.credential.tokenId
  }
}
