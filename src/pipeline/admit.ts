/** Step 3: may this caller make this call now? */
import type { Credential, Group, Snapshot } from "../config/snapshot.ts"
import { RouterError } from "../errors.ts"
import type { Call } from "./call.ts"
import type { Gateway } from "./gateway.ts"
import { groupNotAllowed } from "./group-words.ts"

/**
 * The model group that the call names; also kept as `call.group`.
 * @throws RouterError `missing-model`, `model-not-allowed`, `usage-store-unavailable`
 */
export function admit(call: Call, gateway: Gateway): Group {
  const name = call.facts.model ?? call.snapshot.defaultGroup
  if (name === null) throw new RouterError("missing-model", { param: "model" })
  call.group = allowedGroup(name, call.credential, call.snapshot)
  if (!gateway.ledger.accepting()) throw new RouterError("usage-store-unavailable")
  return call.group
}

/** @throws RouterError `model-not-allowed` */
export function allowedGroup(name: string, credential: Credential | null, snapshot: Snapshot): Group {
  const group = snapshot.groups.get(name)
  const allowed = credential?.caller.allowed
  if (group === undefined || allowed === undefined || !allowed.has(group.name))
    throw groupNotAllowed(name, credential, snapshot)
  return group
}
