/** Which rows retention deleted, for those who read rows: they say so, and do not take them for calls that never were. */
import type { DataClass } from "../ledger/retention/classes.ts"
import { type Mark, MARKS, marksOf } from "../ledger/retention/marks.ts"
import { isMissingTable } from "./problem.ts"
import type { Reading } from "./reading.ts"
import type { Asked, Sources } from "./section.ts"

/** Not inside of a transaction: the ledger may be older than retention. */
export async function marksIn({ connection }: Pick<Reading, "connection">): Promise<ReadonlyMap<DataClass, Mark>> {
  try {
    return await marksOf(connection)
  } catch (error) {
    if (isMissingTable(error)) return new Map()
    throw error
  }
}

/** A sentence for each of the classes of which rows of the range are gone. */
export async function goneNotes(
  classes: readonly DataClass[],
  { from }: Pick<Asked, "from">,
  { rows }: Pick<Sources, "rows">,
): Promise<string[]> {
  if (classes.length === 0) return []
  const marks = (await rows<Mark>(MARKS, [])) ?? []
  return marks
    .filter(({ data_class: name, gone_before_at: goneMs }) => classes.includes(name) && goneMs > from)
    .map(({ data_class: name, gone_before_at: goneMs }) => goneNote(name, goneMs))
}

export function goneNote(dataClass: DataClass, goneMs: number): string {
  return `Rows of ${dataClass} from before ${new Date(goneMs).toISOString()} were deleted by retention, and are not in these tables.`
}

/** What a list of calls lacks, as a member of an answer. */
export function goneIn(marks: ReadonlyMap<DataClass, Mark>, from: number): { readonly goneBefore?: number } {
  const goneBefore = marks.get("usage_detail")?.gone_before_at ?? 0
  return goneBefore > from ? { goneBefore } : {}
}
