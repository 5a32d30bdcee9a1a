/** What strategies may know of a call. Made once per ranking; what costs something is worked out when it is asked for. */
import type { Caller, Group } from "../../config/snapshot.ts"
import type { RequestFacts } from "../../dialects/dialect.ts"
import type { DialectName } from "../../dialects/name.ts"
import type { CallShape } from "../../dialects/shape.ts"
import type { ScannedObject } from "../../json/scan.ts"
import { estimatedInputTokens } from "../../routing/eligibility/estimate.ts"
import type { CallFacts, LargeContent } from "../../routing/strategy.ts"
import type { Apart } from "../apart/apart.ts"
import { isLargeBody } from "../apart/large.ts"
import type { AdmittedCall } from "../call.ts"
import type { Gateway } from "../gateway.ts"

export class FactsOfCall implements CallFacts {
  readonly group: Group
  private readonly call: AdmittedCall
  private readonly apart: Apart

  constructor(call: AdmittedCall, { apart }: Pick<Gateway, "apart">) {
    this.call = call
    this.apart = apart
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

  get large(): LargeContent | undefined {
    const { apart, caller, dialect, body } = this
    if (!isLargeBody(body)) return undefined
    return {
      counts: () => apart.run("countText", caller.id, [body.bytes], dialect),
      text: () => apart.run("readText", caller.id, [body.bytes], dialect),
      firstTurn: () => apart.run("firstTurn", caller.id, [body.bytes], dialect),
      withContent: (head) => apart.run("withContent", caller.id, [body.bytes], { head, dialect }),
    }
  }

  get tokenId(): string {
    return this.call.credential.tokenId
  }
}
