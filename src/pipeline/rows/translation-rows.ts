/** What translated attempts asked their targets for, as rows. */
import type { TranslationShapeRow } from "../../ledger/record.ts"
import type { Call } from "../call.ts"

/** Undefined: the bytes passed in all of them. */
export function translationRows({ attempts, dialect, facts }: Call): readonly TranslationShapeRow[] | undefined {
  let rows: TranslationShapeRow[] | undefined
  for (const [attempt_index, { translation }] of attempts.entries()) {
    if (translation === null) continue
    rows ??= []
    rows.push({
      attempt_index,
      client_dialect: dialect.name,
      stream: facts.stream ? 1 : 0,
      ...translation.shape,
      request_losses: translation.requestLosses,
      losses: translation.losses().length,
    })
  }
  return rows
}
