/** What the ledger rejects with where its database cannot answer. */
import { RouterError } from "../errors.ts"

/** @throws RouterError `usage-store-unavailable` */
export async function answering<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
  try {
    return await ask()
  } catch (cause) {
    throw new RouterError("usage-store-unavailable", { cause })
  }
}
