/** A page of calls in any of their orders, and where it goes on. */
import { filtersOf } from "./breakdown.ts"
import { type FoundCall, type Place, ReportRefused, type Search } from "./query.ts"
import type { Asked, SortName, Sources } from "./section.ts"

export interface CallList {
  readonly calls: readonly FoundCall[]
  /** Null: these are the last. */
  readonly next: string | null
}

/** The orders that a search knows. @throws ReportRefused */
export function searchOrder(sort: SortName): Search["sort"] {
  if (sort === "newest" || sort === "oldest" || sort === "cost" || sort === "latency") return sort
  throw new ReportRefused("sort", "Calls are sorted by newest, oldest, cost, latency or status.")
}

/** @throws ReportRefused */
export async function callList(asked: Asked, sources: Pick<Sources, "queries" | "search">): Promise<CallList> {
  if (asked.sort === "status") return await byStatus(asked, sources)
  const { from, to, top: limit, after } = asked
  const place = after === null ? {} : { after: placeOf(after) }
  const sort = searchOrder(asked.sort)
  const { calls, next } = await sources.search({ from, to, where: filtersOf(asked), sort, limit, ...place })
  return { calls, next: next === null ? null : placeText(next) }
}

/** There are few statuses: those of each, the newest first. */
async function byStatus(asked: Asked, { queries, search }: Pick<Sources, "queries" | "search">): Promise<CallList> {
  const { from, to, zone, top, after, isAscending } = asked
  const where = filtersOf(asked)
  const [rows] = await queries([{ from, to, zone, where, by: ["status"], measures: ["calls"], histograms: [] }])
  const there = (rows?.groups ?? []).flatMap(({ key }) => (key === null ? [] : [key[0] ?? ""])).toSorted()
  const ordered = isAscending ? there : there.toReversed()
  const begun = after === null ? null : statusPlaceOf(after)
  const left = begun === null ? ordered : ordered.slice(Math.max(0, ordered.indexOf(begun.status)))
  const calls: FoundCall[] = []
  for (const status of left) {
    const limit = top - calls.length
    if (limit === 0) return { calls, next: `${status}:` }
    const place = begun?.status === status && begun.place !== null ? { after: begun.place } : {}
    const filters = [...where, { dimension: "status", is: [status] } as const]
    const found = await search({ from, to, where: filters, sort: "newest", limit, ...place })
    calls.push(...found.calls)
    if (found.next !== null) return { calls, next: `${status}:${placeText(found.next)}` }
  }
  return { calls, next: null }
}

function placeText({ value, requestId }: Place): string {
  return `${value}.${requestId}`
}

const NO_PLACE = "This is no place in a list of calls: take what the report before named as next."

function placeOf(text: string): Place {
  const match = /^(\d{1,16})\.(\w[\w-]{0,99})$/.exec(text)
  const [, value, requestId] = match ?? []
  if (value === undefined || requestId === undefined || !Number.isSafeInteger(Number(value)))
    throw new ReportRefused("after", NO_PLACE)
  return { value: Number(value), requestId }
}

/** A place among the calls of a status; null: at the first of them. */
function statusPlaceOf(text: string): { readonly status: string; readonly place: Place | null } {
  const [, status, place] = /^(\d{1,3}):(.*)$/.exec(text) ?? []
  if (status === undefined || place === undefined) throw new ReportRefused("after", NO_PLACE)
  return { status, place: place === "" ? null : placeOf(place) }
}
