/** Stored content of calls: who reads or deletes it is written down before it is done. */
import { ContentUnreadable, openedParts } from "../capture/opening.ts"
import type { CaptureKey } from "../config/compile/capture-rule.ts"
import { RouterError } from "../errors.ts"
import type { ContentAudit, ContentRow, ContentScope, ContentStore } from "../ledger/content.ts"
import type { Clock } from "../system/clock.ts"
import type { Random } from "../system/random.ts"
import { sees } from "./domain.ts"

export interface ContentTools {
  readonly store: ContentStore
  /** Of the configuration in force. */
  readonly keys: () => readonly CaptureKey[]
  readonly clock: Pick<Clock, "now" | "sleep">
  readonly random: Pick<Random, "hex">
}

export interface Actor {
  /** As policies name them. */
  readonly subject: string
  readonly domain: string
  /** The id of the request that asks. */
  readonly requestId: string
}

/** @throws RouterError `not-found`, also for what the actor does not see; `content-unreadable`, `usage-store-unavailable` */
export async function readContent(id: string, actor: Actor, tools: ContentTools): Promise<object> {
  const rows = await rowsOf(id, ({ project, environment }) => sees(actor.domain, project, environment), tools)
  await audit("read", actor, rows[0] ?? null, tools)
  const [first] = rows
  try {
    return {
      request_id: id,
      ts: iso(first?.ts),
      caller: first?.caller_id,
      group: first?.resolved_group,
      retention_until: iso(first?.retention_until),
      parts: await openedParts(rows, tools.keys(), tools.store),
    }
  } catch (error) {
    if (!(error instanceof ContentUnreadable)) throw unavailable(error)
    const { reason, part, message } = error
    throw new RouterError("content-unreadable", { message, details: { reason, part }, cause: error })
  }
}

type Domain = Exclude<ContentScope, null>

/** `isPermitted`: in the domain of the captured call. @throws RouterError as `readContent`, `content-held`, and what `isPermitted` throws */
export async function deleteContent(
  id: string,
  actor: Actor,
  isPermitted: (domain: Domain) => boolean,
  tools: ContentTools,
): Promise<object> {
  const rows = await rowsOf(id, isPermitted, tools)
  if (await asking(() => tools.store.isHeld(id))) throw new RouterError("content-held")
  await audit("delete", actor, rows[0] ?? null, tools)
  // a hold may have come meanwhile
  const isGone = (await asking(() => tools.store.remove(id))) > 0
  if (!isGone && (await asking(() => tools.store.isHeld(id)))) throw new RouterError("content-held")
  return { request_id: id, deleted_parts: new Set(rows.map(({ part }) => part)).size }
}

const PURGE_MS = 10_000
const PAUSE_MS = 5

/** Takes away what has expired, for some seconds at most. */
export async function purgeContent(scope: ContentScope, actor: Actor, tools: ContentTools): Promise<object> {
  await audit("purge", actor, null, tools)
  const { store, clock } = tools
  const until = clock.now() + PURGE_MS
  let deleted = 0
  for (;;) {
    const some = await asking(() => store.removeExpired(clock.now(), scope))
    deleted += some
    const isOver = some === 0
    if (isOver || clock.now() >= until) return { deleted_pieces: deleted, has_more: !isOver }
    await clock.sleep(PAUSE_MS)
  }
}

async function rowsOf(
  id: string,
  isSeen: (domain: Domain) => boolean,
  { store }: ContentTools,
): Promise<readonly ContentRow[]> {
  const rows = /^req_[0-9a-f]{32}$/.test(id) ? await asking(() => store.of(id)) : []
  const [first] = rows
  if (
    first === undefined ||
    !rows.every((row) => isSeen({ project: row.caller_project, environment: row.caller_environment }))
  )
    throw new RouterError("not-found", { message: "There is no content of such a call." })
  return rows
}

async function audit(
  action: ContentAudit["action"],
  { subject, domain, requestId }: Actor,
  row: ContentRow | null,
  { store, clock, random }: ContentTools,
): Promise<void> {
  const ts = clock.now()
  await asking(() =>
    store.audit({
      event_id: `con_${ts.toString(16).padStart(12, "0")}${random.hex(10)}`,
      ts,
      action,
      actor: subject,
      actor_domain: domain,
      request_id: row?.request_id ?? null,
      caller_id: row?.caller_id ?? null,
      asked_by: requestId,
    }),
  )
}

async function asking<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask()
  } catch (cause) {
    throw unavailable(cause)
  }
}

function unavailable(cause: unknown): RouterError {
  return new RouterError("usage-store-unavailable", { cause })
}

function iso(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}
