/** The last word on a body: fields that the configuration sets or leaves out, whoever wrote them. */
import type { Loss } from "../canonical/loss.ts"
import type { BodyEdits } from "../config/compile/body-edits.ts"
import type { Target } from "../config/snapshot.ts"
import { editFields } from "../json/omit.ts"
import { scanObject } from "../json/scan.ts"
import { isLargeBody } from "./apart/large.ts"
import { governHeaders } from "./betas.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"

export interface Parts {
  readonly headers: Readonly<Record<string, string>>
  /** In pieces. */
  readonly body: readonly Uint8Array[]
}

export interface Governed extends Parts {
  readonly losses: readonly Loss[]
}

/** What the target's configuration makes of a request: what rides on betas, and fields. At once where the body is small. */
export function governParts(
  target: Target,
  { headers, body }: Parts,
  call: Call,
  gateway: Gateway,
): Governed | Promise<Governed> {
  const sent = governHeaders(target, headers)
  const rules = rulesOf(target)
  const governed = ({ bytes, losses }: Edited): Governed => ({
    headers: sent.headers,
    body: bytes === null ? body : [bytes],
    losses: [...sent.losses, ...losses],
  })
  if (rules === null) return governed({ bytes: null, losses: [] })
  if (call.body === null || !isLargeBody(call.body)) return governed(editedBody(body, rules))
  return gateway.apart.run("edit", call.callerId, body, rules).then(governed)
}

/** Plain values. */
export type BodyRules = BodyEdits

/** Fields that ride on betas go like those that are to be dropped. Null: nothing changes. */
function rulesOf({ edits, betas, dialect }: Target): BodyRules | null {
  const fields = betas === null || dialect !== "anthropic" ? [] : betas.fields
  if (edits === null && fields.length === 0) return null
  return { set: edits?.set ?? NOTHING, drop: [...(edits?.drop ?? []), ...fields] }
}

const NOTHING: BodyEdits["set"] = new Map()

export interface Edited {
  /** Null: nothing had to change. */
  readonly bytes: Uint8Array | null
  readonly losses: readonly Loss[]
}

/** Every other byte of a member stays. A field that is set stands once, at the end. */
export function editedBody(body: readonly Uint8Array[], { set, drop }: BodyRules): Edited {
  const [only] = body
  const sent = scanObject(body.length === 1 && only !== undefined ? only : Buffer.concat(body), Infinity)
  const { bytes, omitted } = editFields(sent, set, drop)
  return { bytes: bytes === sent.bytes ? null : bytes, losses: omitted.map((path) => ({ code: "field", path })) }
}
