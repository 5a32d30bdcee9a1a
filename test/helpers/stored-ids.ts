/** Ids of stored state: handed out, as if an answer of the router had handed them out before. */
import { Database } from "bun:sqlite"
import type { JsonObject } from "../../src/canonical/json.ts"
import { DIALECTS } from "../../src/dialects/registry.ts"
import type { StoredKind } from "../../src/dialects/stored-ids.ts"
import { STORED_STATE_CONFLICT, storedIdHash } from "../../src/ledger/stored-state.ts"
import { databasePath } from "./records.ts"
import type { Dialect } from "./samples.ts"
import { SAMPLES } from "./samples.ts"

export interface HandedOut {
  readonly kind: StoredKind
  readonly id: string
  readonly provider: string
  readonly dialect: string
  readonly model?: string
  readonly group?: string
  readonly project?: string
  readonly expiresAt?: number
}

/** Every id that the request points with, as held by this provider. */
export function handOutHeld(
  directory: string,
  dialect: Dialect,
  request: Readonly<Record<string, unknown>>,
  where: Pick<HandedOut, "provider" | "group">,
): void {
  const { configName } = SAMPLES[dialect]
  const held = DIALECTS[configName].stored.held(request as JsonObject)
  handOut(directory, ...held.map(({ kind, id }) => ({ kind, id, dialect: configName, ...where })))
}

const FAR_MS = 4_102_444_800_000

export function handOut(directory: string, ...ids: readonly HandedOut[]): void {
  using database = new Database(databasePath(directory))
  database.run("PRAGMA busy_timeout=2000")
  for (const { kind, id, provider, dialect, model = "", group = "default", project = "lab", expiresAt = FAR_MS } of ids)
    database
      .query(`INSERT INTO stored_state VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ${STORED_STATE_CONFLICT}`)
      .run(storedIdHash(project, kind, id), "req_earlier", "me-lab", provider, model, dialect, group, expiresAt, 0)
}
