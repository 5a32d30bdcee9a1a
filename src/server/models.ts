/** `GET /v1/models`: the model groups that the token may use, never upstream ids. */
import { RouterError } from "../errors.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Incoming, Outgoing } from "../pipeline/message.ts"
import { codexCatalogue } from "./codex-models.ts"
import { json } from "./plain.ts"
import { visibleGroups } from "./visible-groups.ts"

const OWNER = "smart-router"
/** Groups have no date of their own; a constant keeps clients' caches calm. */
const CREATED = "2026-01-01T00:00:00Z"

/** Anthropic's list when the call carries `anthropic-version`, else OpenAI's `data` and Codex' `models` in one body. */
export function listModels(request: Incoming, gateway: Gateway): Outgoing {
  const visible = visibleGroups(request, gateway)
  const ids = visible.map(([id]) => id)
  if (request.headers.get("anthropic-version") === null)
    return json({ object: "list", data: ids.map(openAiModel), models: codexCatalogue(visible) })
  return json({
    data: ids.map(anthropicModel),
    has_more: false,
    first_id: ids[0] ?? null,
    last_id: ids.at(-1) ?? null,
  })
}

/** @throws RouterError `not-found` for a name that the token may not use */
export function oneModel(request: Incoming, gateway: Gateway, id: string): Outgoing {
  if (!visibleGroups(request, gateway).some(([visible]) => visible === id))
    throw new RouterError("not-found", { message: "There is no such model group." })
  return json(request.headers.get("anthropic-version") !== null ? anthropicModel(id) : openAiModel(id))
}

function openAiModel(id: string): object {
  return { id, object: "model", created: Date.parse(CREATED) / 1000, owned_by: OWNER }
}

function anthropicModel(id: string): object {
  return { type: "model", id, display_name: id, created_at: CREATED }
}
