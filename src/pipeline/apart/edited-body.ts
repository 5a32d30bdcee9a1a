/** Fields of a body that a target's configuration sets or leaves out. Pure: what is large is done in another thread. */
import type { Loss } from "../../canonical/loss.ts"
import type { BodyEdits } from "../../config/compile/body-edits.ts"
import { editFields } from "../../json/omit.ts"
import { scanObject } from "../../json/scan.ts"

/** Plain values. */
export type BodyRules = BodyEdits

export interface Edited {
  /** Null: nothing had to change. */
  readonly bytes: Uint8Array | null
  readonly losses: readonly Loss[]
}

/** Every other byte of a member stays. A field that is set stands once, at the end. */
export function editBody(body: readonly Uint8Array[], { set, drop }: BodyRules): Edited {
  const [only] = body
  const sent = scanObject(body.length === 1 && only !== undefined ? only : Buffer.concat(body), Infinity)
  const { bytes, omitted } = editFields(sent, set, drop)
  return { bytes: bytes === sent.bytes ? null : bytes, losses: omitted.map((path) => ({ code: "field", path })) }
}
