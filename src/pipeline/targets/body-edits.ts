/** The last word on a body: fields that the configuration sets or leaves out, whoever wrote them. */
import type { Loss } from "../../canonical/loss.ts"
import type { BodyEdits } from "../../config/compile/body-edits.ts"
import type { Target } from "../../config/snapshot.ts"
import { WIRES } from "../../dialects/wires.ts"
import { editBody, type BodyRules, type Edited } from "../apart/edited-body.ts"
import { isLargeBody } from "../apart/large.ts"
import type { ReceivedCall } from "../call.ts"
import type { Gateway } from "../gateway.ts"
import { governHeaders } from "./betas.ts"

export interface Parts {
  readonly headers: Readonly<Record<string, string>>
  /** In pieces. */
  readonly body: readonly Uint8Array[]
}

interface Governed extends Parts {
  readonly losses: readonly Loss[]
}

/** What the target's configuration makes of a request: what rides on betas, and fields. At once where the body is small. */
export function governParts(
  target: Target,
  { headers, body }: Parts,
  { request, credential }: ReceivedCall,
  { apart }: Pick<Gateway, "apart">,
): Governed | Promise<Governed> {
  const sent = governHeaders(target, headers)
  const rules = rulesOf(target)
  const govern = ({ bytes, losses }: Edited): Governed => ({
    headers: sent.headers,
    body: bytes === null ? body : [bytes],
    losses: [...sent.losses, ...losses],
  })
  if (rules === null) return govern({ bytes: null, losses: [] })
  if (!isLargeBody(request.body)) return govern(editBody(body, rules))
  return apart.run("edit", credential.caller.id, body, rules).then(govern)
}

/** Fields that ride on betas go like those that are to be dropped. Null: nothing changes. */
export function rulesOf({ edits, betas, dialect }: Pick<Target, "edits" | "betas" | "dialect">): BodyRules | null {
  const fields = betas === null || WIRES[dialect].betaHeader === null ? [] : betas.fields
  if (edits === null && fields.length === 0) return null
  return { set: edits?.set ?? NOTHING, drop: [...(edits?.drop ?? []), ...fields] }
}

const NOTHING: BodyEdits["set"] = new Map()
