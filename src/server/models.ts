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

/** Anthropic's list when the call carries `anthropic-version`, else OpenAI's `data`, beside which Codex gets its catalogue in `models`. */
export function listModels(request: Incoming, gateway: Gateway): Outgoing {
  const visible = visibleGroups(request, gateway)
  if (request.headers.get("anthropic-version") === null) {
    const catalogue = isCodex(request) ? { models: codexCatalogue(visible) } : {}
    return json({ object: "list", data: visible.map(openAiModel), ...catalogue })
  }
  return json({
    data: visible.map(anthropicModel),
    has_more: false,
    first_id: visible[0]?.[0] ?? null,
    last_id: visible.at(-1)?.[0] ?? null,
  })
}

/** Codex names its version wherever it asks for a catalogue, and no other client of the list does; an entry is a hundred times a model's line. */
function isCodex({ target }: Incoming): boolean {
  return new URL(target, "http://localhost").searchParams.has("client_version")
}

/** @throws RouterError `not-found` for a name that the token may not use */
export function oneModel(request: Incoming, gateway: Gateway, id: string): Outgoing {
  const found = visibleGroups(request, gateway).find(([visible]) => visible === id)
  if (found === undefined) throw new RouterError("not-found", { message: "There is no such model group." })
  return json(request.headers.get("anthropic-version") !== null ? anthropicModel(found) : openAiModel(found))
}

type Visible = ReturnType<typeof visibleGroups>[number]

/** What a group's contract tells its callers stands in members that other lists of models have too. */
function openAiModel([id, { contract }]: Visible): object {
  return {
    id,
    object: "model",
    created: Date.parse(CREATED) / 1000,
    owned_by: OWNER,
    ...(contract === null || contract.displayName === null ? {} : { display_name: contract.displayName }),
    ...(contract === null || contract.notes === null ? {} : { description: contract.notes }),
  }
}

function anthropicModel([id, { contract }]: Visible): object {
  return { type: "model", id, display_name: contract?.displayName ?? id, created_at: CREATED }
}
