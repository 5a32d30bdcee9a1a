/** What a caller may name as a model. */
import type { Group } from "../config/snapshot.ts"
import { authenticate } from "../pipeline/authenticate.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Incoming } from "../pipeline/message.ts"

/** Names and aliases, each with its group. @throws RouterError as `authenticate` */
export function visibleGroups(request: Incoming, gateway: Gateway): readonly (readonly [id: string, group: Group])[] {
  const { snapshot } = gateway
  const { caller } = authenticate(request.headers, snapshot, gateway.clock.now())
  return [...snapshot.groups].filter(([, group]) => caller.allowed.has(group.name))
}
