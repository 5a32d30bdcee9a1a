/** The secret of an installation: made once, kept in the usage database, and so the same for all routers on it. */
import type { StoredStateDatabase } from "./stored-state.ts"

const NAME = "issuer-marks"

/** The secret; `fresh` where there is none yet. Of several processes that ask first, one decides. Rejects where the database cannot be asked. */
export async function installationSecret(database: StoredStateDatabase, fresh: string): Promise<string> {
  const insert = "INSERT INTO installation (name, secret) VALUES (?, ?) ON CONFLICT (name) DO NOTHING RETURNING secret"
  await database.query(insert, [NAME, fresh])
  const [row] = await database.query<{ readonly secret: string }>("SELECT secret FROM installation WHERE name = ?", [
    NAME,
  ])
  if (row === undefined) throw new Error("the secret of the installation cannot be read")
  return row.secret
}
