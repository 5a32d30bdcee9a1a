/** The last word on a body: fields that the configuration sets or leaves out, whoever wrote them. */
import type { Loss } from "../../canonical/loss.ts"
import type { BodyEdits } from "../../config/body-edits.ts"
import type { Target } from "../../config/snapshot.ts"
import { omitFields } from "../../json/omit.ts"
import { scanObject } from "../../json/scan.ts"
import { governBetas, type Governed, type Parts } from "./betas.ts"

/** What the target's configuration makes of a request: its fields first, then what rides on betas. */
export function governParts(target: Target, { headers, body }: Parts): Governed {
  const edited = target.edits === null ? { body, losses: [] } : editBody(target.edits, body)
  const governed = governBetas(target, { headers, body: edited.body })
  return { ...governed, losses: [...edited.losses, ...governed.losses] }
}

interface Edited {
  /** In pieces. */
  readonly body: readonly Uint8Array[]
  readonly losses: readonly Loss[]
}

const COMMA = Buffer.from(",")
const CLOSE = Buffer.from("}")

/** Every other byte of a member stays. A field that is set stands once, at the end. */
function editBody({ set, drop }: BodyEdits, body: readonly Uint8Array[]): Edited {
  const replaced = [...set.keys()].map((name) => [name] as const)
  const sent = scanObject(Buffer.concat(body), Infinity)
  const kept = omitFields(sent, replaced)
  const without = kept.omitted.length === 0 ? sent : scanObject(kept.bytes, Infinity)
  const added = [...set].flatMap(([name, json]) => [COMMA, Buffer.from(`${JSON.stringify(name)}:`), json])
  const pieces = without.members.length === 0 ? added.slice(1) : added
  const whole = Buffer.concat([without.bytes.subarray(0, without.close), ...pieces, CLOSE])
  const { bytes, omitted } = omitFields(scanObject(whole, Infinity), drop)
  return { body: [bytes], losses: omitted.map((path) => ({ code: "field", path })) }
}
