/** Step 3: may this caller make this call now? */
import type { Credential, Group, Snapshot } from "../config/snapshot.ts"
import { RouterError } from "../errors.ts"
import type { ReceivedCall } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { groupNotAllowed } from "./intake/group-words.ts"

/** The model group that the call names. @throws RouterError `missing-model`, `model-not-allowed` */
export function admit({ facts, credential, snapshot }: Pick<ReceivedCall, "facts" | "credential" | "snapshot">): Group {
  const name = facts.model ?? snapshot.defaultGroup
  if (name === null) throw new RouterError("missing-model", { param: "model" })
  return allowedGroup(name, credential, snapshot)
}

function allowedGroup(name: string, credential: Credential, snapshot: Snapshot): Group {
  const group = snapshot.groups.get(name)
  if (group === undefined || !credential.caller.allowed.has(group.name))
    throw groupNotAllowed(name, credential, snapshot)
  return group
}

/** A call that could leave no row is not served. @throws RouterError `usage-store-unavailable` */
export function refuseUnrecorded({ ledger }: Pick<Gateway, "ledger">): void {
  if (!ledger.accepting()) throw new RouterError("usage-store-unavailable")
}
