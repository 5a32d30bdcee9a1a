/** Groups that demand what this router does not have: none of their calls is served, and the answer says why. */
import type { Group } from "../../config/snapshot.ts"
import { RouterError } from "../../errors.ts"

/** @throws RouterError the group's own refusal, if it has one */
export function refuseGroup({ name, refusal }: Pick<Group, "name" | "refusal">): void {
  if (refusal === null) return
  throw new RouterError(refusal, {
    message: `No target of the model group "${name}" can serve: the group requires validation records, and there are none.`,
    details: { model: name, hint: `models.${name}.activation: required refuses all calls until targets are validated` },
  })
}
