/** `GET /v1/models`: the model groups that the token may use, never upstream ids. */
import type { Group } from "../config/snapshot.ts"
import { RouterError } from "../errors.ts"
import { authenticate } from "../pipeline/authenticate.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"
import { json } from "./plain.ts"

const OWNER = "smart-router"
/** Groups have no date of their own; a constant keeps clients' caches calm. */
const CREATED = "2026-01-01T00:00:00Z"

/** Anthropic's list when the call carries `anthropic-version`, else OpenAI's `data` and Codex' `models` in one body. */
export function listModels(request: Incoming, gateway: Gateway): Outgoing {
  const ids = visibleIds(request, gateway)
  if (request.headers.get("anthropic-version") === null)
    return json({ object: "list", data: ids.map(openAiModel), models: [] })
  return json({
    data: ids.map(anthropicModel),
    has_more: false,
    first_id: ids[0] ?? null,
    last_id: ids.at(-1) ?? null,
  })
}

/** @throws RouterError `not-found` for a name that the token may not use */
export function oneModel(request: Incoming, gateway: Gateway, id: string): Outgoing {
  if (!visibleIds(request, gateway).includes(id))
    throw new RouterError("not-found", { message: "There is no such model group." })
  return json(request.headers.get("anthropic-version") !== null ? anthropicModel(id) : openAiModel(id))
}

function visibleIds(request: Incoming, gateway: Gateway): readonly string[] {
  const { snapshot } = gateway
  const { caller } = authenticate(request.headers, snapshot, gateway.clock.now())
  const visible = (group: Group): boolean => caller.allowed.has(group.name)
  return [...snapshot.groups].filter(([, group]) => visible(group)).map(([id]) => id)
}

function openAiModel(id: string): object {
  return { id, object: "model", created: Date.parse(CREATED) / 1000, owned_by: OWNER }
}

function anthropicModel(id: string): object {
  return { type: "model", id, display_name: id, created_at: CREATED }
}
