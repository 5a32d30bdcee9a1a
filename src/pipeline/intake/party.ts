/** Who a known token stands for. */
import type { Credential } from "../../config/snapshot.ts"
import type { Party } from "../../party.ts"

/** The caller of a known token, for the record of refusals. */
export function partyOf({ caller, tokenId }: Credential): Party {
  return {
    caller_id: caller.id,
    caller_user: caller.user,
    caller_project: caller.project,
    caller_environment: caller.environment,
    token_id: tokenId,
  }
}
