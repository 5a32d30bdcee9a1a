/** Builds sections: the one way from a question to what surfaces render. */
import { MOST_QUERIES, type Query, ReportRefused, type Reports, type Rows } from "./query.ts"
import type { Asked, Section, SectionDefinition, Sources } from "./section.ts"

/** @throws ReportRefused, ReportUnavailable */
export async function buildSection(definition: SectionDefinition, asked: Asked, sources: Sources): Promise<Section> {
  const { id, title, about } = definition
  const { tables, charts, notes, next = null } = await definition.build(asked, sources)
  const kept = asked.tables === null ? tables : tables.filter((table) => asked.tables?.includes(table.id))
  return { id, title, about, tables: kept, charts, notes, next }
}

type OtherSources = Pick<Sources, "limits" | "catalog" | "nowMs">

/**
 * What sections read: the ledger by the thread of reports, and what the configuration knows. Queries that are asked in the
 * same turn are answered by one reading of the cube, and are of the same moment.
 */
export function sourcesOf(reports: Reports, others: OtherSources, signal?: AbortSignal): Sources {
  return {
    ...others,
    queries: together((queries) => reports.queries(queries, signal)),
    search: (search) => reports.search(search, signal),
    rows: (sql, parameters) => reports.rows(sql, parameters, signal),
  }
}

type Answer = (queries: readonly Query[]) => Promise<readonly Rows[]>

interface Waiting {
  readonly queries: readonly Query[]
  readonly resolve: (rows: readonly Rows[]) => void
  readonly reject: (error: unknown) => void
}

function together(answer: Answer): Answer {
  let waiting: Waiting[] = []
  const flush = async (): Promise<void> => {
    const asked = waiting
    waiting = []
    try {
      const rows = await inParts(
        answer,
        asked.flatMap(({ queries }) => queries),
      )
      let at = 0
      for (const { queries, resolve } of asked) resolve(rows.slice(at, (at += queries.length)))
    } catch (error) {
      // whoever asked for too much hears of it; the others get their answers
      if (!(error instanceof ReportRefused) || asked.length === 1) for (const { reject } of asked) reject(named(error))
      else
        for (const { queries, resolve, reject } of asked)
          inParts(answer, queries).then(resolve, (reason: unknown) => reject(named(reason)))
    }
  }
  return (queries) => {
    if (waiting.length === 0) queueMicrotask(() => void flush())
    const { promise, resolve, reject } = Promise.withResolvers<readonly Rows[]>()
    waiting.push({ queries, resolve, reject })
    return promise
  }
}

async function inParts(answer: Answer, queries: readonly Query[]): Promise<readonly Rows[]> {
  const parts: Promise<readonly Rows[]>[] = []
  for (let at = 0; at < queries.length; at += MOST_QUERIES) parts.push(answer(queries.slice(at, at + MOST_QUERIES)))
  return (await Promise.all(parts)).flat()
}

/** A reader knows nothing of the queries that a section makes: what is wrong is named as it was asked for. */
function named(error: unknown): unknown {
  if (!(error instanceof ReportRefused)) return error
  return new ReportRefused(error.path.replace(/^queries\[\d+\]\./, ""), error.message)
}
