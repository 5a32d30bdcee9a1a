/** One request, one page: all its queries go to the cube at once, its other parts are asked beside. */
import type { Found, Query, Reports, Rows } from "../query.ts"
import { goneNote } from "../gone.ts"
import { ReportUnavailable } from "../query.ts"
import type { Block, PageAnswer, TableBlock } from "./block.ts"
import { plannedBlock, type PlannedBlock } from "./cube-blocks.ts"
import type { BlockDefinition, PageDefinition, PageQuestion, PartName } from "./page.ts"

/** What stands in a block beside its name and title. */
export type PartBlock = Block extends infer Each ? (Each extends Block ? Omit<Each, "id" | "title"> : never) : never

/** One part is one block, or several with ids and titles of their own. */
export type Part = (question: PageQuestion, signal: AbortSignal) => Promise<PartBlock | readonly Block[]>

export interface PageSources {
  readonly reports: Pick<Reports, "queries" | "search">
  /** Rows of calls, in their order; those of calls that are gone are left out. */
  readonly callRows: (found: Found["calls"], signal: AbortSignal) => Promise<Pick<TableBlock, "columns" | "rows">>
  /** Absent: this router has nothing of it. */
  readonly parts: Readonly<Partial<Record<PartName, Part>>>
  readonly isSample: boolean
  readonly nowMs: () => number
}

/**
 * A part that cannot be answered becomes a block that says why; the rest of the page stands.
 * @throws ReportRefused, ReportUnavailable where the cube cannot be asked
 */
export async function composePage(
  page: PageDefinition,
  question: PageQuestion,
  sources: PageSources,
  signal: AbortSignal,
): Promise<PageAnswer> {
  const { from, to, zone, slot, only, compare } = question
  const wanted = only === null ? page.blocks : page.blocks.filter(({ id }) => only.includes(id))
  const planned = wanted.map((definition) => plannedBlock(definition, question))
  const [answers, others] = await Promise.all([
    answersOf(planned, sources, signal),
    Promise.all(wanted.map((definition) => otherBlocks(definition, question, sources, signal))),
  ])
  const blocks = wanted.flatMap((_, index): readonly Block[] => {
    const plan = planned[index] ?? null
    return plan === null ? (others[index] ?? []) : [plan.block(plan.queries.map((query) => answers.get(query) as Rows))]
  })
  const before = compare && page.hasRange ? { from: Math.max(0, from - (to - from)), to: from } : null
  return { page: page.name, from, to, zone, slot, before, asOf: sources.nowMs(), isSample: sources.isSample, blocks }
}

/** Equal queries of several blocks are asked once. */
async function answersOf(
  planned: readonly (PlannedBlock | null)[],
  { reports }: PageSources,
  signal: AbortSignal,
): Promise<ReadonlyMap<Query, Rows>> {
  const all = planned.flatMap((plan) => plan?.queries ?? [])
  if (all.length === 0) return new Map()
  const places = new Map<string, number>()
  const different: Query[] = []
  for (const query of all) {
    const text = JSON.stringify(query)
    if (places.has(text)) continue
    places.set(text, different.length)
    different.push(query)
  }
  const rows = await reports.queries(different, signal)
  return new Map(all.map((query) => [query, rows[places.get(JSON.stringify(query)) ?? 0] as Rows]))
}

async function otherBlocks(
  definition: BlockDefinition,
  question: PageQuestion,
  sources: PageSources,
  signal: AbortSignal,
): Promise<readonly Block[]> {
  const { id, title, note, half } = definition
  const framed = { id, title, ...(note === undefined ? {} : { note }), ...(half === undefined ? {} : { half }) }
  if (definition.show === "calls") return [await callsBlock(definition, question, sources, signal)]
  if (definition.show !== "part") return []
  const live = definition.live === undefined ? {} : { live: definition.live }
  const part = sources.parts[definition.part]
  if (part === undefined)
    return [
      { ...framed, ...live, show: "missing", reason: "This router keeps nothing of it, or it is not switched on." },
    ]
  try {
    const answered = await part(question, signal)
    return isSeveral(answered) ? answered : [{ ...framed, ...live, ...answered }]
  } catch (error) {
    if (!(error instanceof ReportUnavailable)) throw error
    return [{ ...framed, ...live, show: "missing", reason: error.message }]
  }
}

function isSeveral(answered: PartBlock | readonly Block[]): answered is readonly Block[] {
  return Array.isArray(answered)
}

const ORDERS = [
  { by: "newest", title: "Newest first" },
  { by: "oldest", title: "Oldest first" },
  { by: "cost", title: "Dearest first" },
  { by: "latency", title: "Slowest first" },
]

async function callsBlock(
  definition: Extract<BlockDefinition, { readonly show: "calls" }>,
  question: PageQuestion,
  { reports, callRows }: PageSources,
  signal: AbortSignal,
): Promise<Block> {
  const { id, title, note, limit } = definition
  const { from, to, where } = question
  // a list in an order of its own neither pages nor sorts
  const order = definition.sort === undefined ? { order: { by: question.sort, choices: ORDERS } } : {}
  const after = definition.sort === undefined && question.after !== null ? { after: question.after } : {}
  const found = await reports.search(
    { from, to, where, sort: definition.sort ?? question.sort, limit, ...after },
    signal,
  )
  const { columns, rows } = await callRows(found.calls, signal)
  const notes = [
    ...(note === undefined ? [] : [note]),
    ...(found.goneBefore === undefined ? [] : [goneNote("usage_detail", found.goneBefore)]),
  ]
  const next = found.next === null ? null : `${found.next.value}.${found.next.requestId}`
  return {
    id,
    title,
    ...(notes.length === 0 ? {} : { note: notes.join(" ") }),
    show: "table",
    columns,
    rows,
    totals: null,
    hasRest: false,
    rowCount: rows.length,
    ...order,
    ...(definition.sort === undefined ? { next } : {}),
    empty: "No call of this range matches the filters. A longer range or fewer filters show more.",
  }
}
