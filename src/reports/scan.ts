/** Answers queries from one reading of the cube: first which groups are the largest, then everything about those. */
import { fillGap } from "../ledger/cube/fill.ts"
import type { ColumnName } from "../ledger/cube/segment.ts"
import type { StoredSegment } from "../ledger/cube/store.ts"
import { Answer, type Scanner, slotAt, Tally } from "./answer.ts"
import { filterColumns, type Plan, planAll } from "./plan.ts"
import type { Query, Rows } from "./query.ts"
import { missingIn, type Moment, momentOf, type Reading, viewsOf } from "./reading.ts"
import { isLasting } from "./remembered.ts"
import { select, type View } from "./view.ts"

/** @throws ReportRefused, and what `reading.pause` throws */
export async function answerQueries(reading: Reading, queries: readonly Query[]): Promise<Rows[]> {
  const plans = planAll(queries)
  const from = Math.min(...queries.map((query) => query.from))
  const to = Math.max(...queries.map((query) => query.to))
  return await reading.connection.reading(async () => {
    const moment = await momentOf(reading, from, to)
    const gap = await fillGap(reading.connection)
    const told = (answer: Answer): Rows => {
      const { query } = answer.plan
      return { ...answer.rows(), ...missingIn(gap, query.from, query.to) }
    }
    const answers = plans.map((plan) => new Answer(plan, null))
    await scanRemembering(reading, moment, answers)
    // where there are too many groups to keep everything about each, those that are shown are found first
    const crowded = answers.filter((answer) => answer.isCrowded)
    if (crowded.length === 0) return answers.map(told)
    const tallies = crowded.map(({ plan }) => new Tally(plan))
    await scan(reading, moment, tallies)
    const again = tallies.map((tally) => new Answer(tally.plan, tally.ranking()))
    await scan(reading, moment, again)
    return answers.map((answer) => told(again[crowded.indexOf(answer)] ?? answer))
  })
}

/** First the segments that stay as they are and lie within the range, unless they were added up before; then the rest. */
async function scanRemembering(reading: Reading, moment: Moment, answers: readonly Answer[]): Promise<void> {
  const { remembered } = reading
  if (remembered === undefined) {
    await scan(reading, moment, answers)
    return
  }
  const lasting = new Map<Scanner, ReadonlySet<number>>()
  const known = new Map<Scanner, ReadonlySet<number>>()
  for (const answer of answers) {
    const { query } = answer.plan
    const inside = moment.segments.filter(
      (segment) => isLasting(segment) && segment.firstMs >= query.from && segment.lastMs < query.to,
    )
    lasting.set(answer, new Set(inside.map(({ id }) => id)))
    known.set(answer, remembered.begin(answer, inside))
  }
  const segmentsAlone = { batches: null, segments: moment.segments }
  await scan(reading, segmentsAlone, answers, (id, answer) => isIn(lasting, answer, id) && !isIn(known, answer, id))
  for (const answer of answers)
    remembered.keep(
      answer,
      moment.segments.filter(({ id }) => isIn(lasting, answer, id)),
    )
  await scan(reading, moment, answers, (id, answer) => !isIn(lasting, answer, id))
}

function isIn(sets: ReadonlyMap<Scanner, ReadonlySet<number>>, scanner: Scanner, id: number): boolean {
  return sets.get(scanner)?.has(id) === true
}

function overlaps(
  { firstMs, lastMs }: { readonly firstMs: number; readonly lastMs: number },
  { query }: Plan,
): boolean {
  return lastMs >= query.from && firstMs < query.to
}

/** Does the time of single cells matter? */
function isSplit({ firstMs, lastMs }: StoredSegment, { query, slots }: Plan): boolean {
  return firstMs < query.from || lastMs >= query.to || slotAt(slots, firstMs) !== slotAt(slots, lastMs)
}

/** `isWanted`: does a scanner want a segment, by its id? */
async function scan(
  reading: Reading,
  moment: Moment,
  scanners: readonly Scanner[],
  isWanted: (id: number, scanner: Scanner) => boolean = () => true,
): Promise<void> {
  let target = new Int32Array(0)
  const room = (count: number): Int32Array => (target.length < count ? (target = new Int32Array(count)) : target)
  const wants = (part: StoredSegment | View, scanner: Scanner): boolean =>
    (part.id === null || isWanted(part.id, scanner)) && overlaps(part, scanner.plan)
  const rest = [...new Set(scanners.flatMap((scanner) => scanner.columns))]
  const isFiltered = scanners.every(({ plan }) => plan.query.where.length > 0)
  const filters = [...new Set(scanners.flatMap(({ plan }) => filterColumns(plan.query.where)))]
  const first = (segment: StoredSegment): readonly ColumnName[] => {
    const own = isFiltered ? filters : rest
    return scanners.some((scanner) => wants(segment, scanner) && isSplit(segment, scanner.plan)) ? ["ts", ...own] : own
  }
  const matters = (view: View): boolean =>
    scanners.some(
      (scanner) => wants(view, scanner) && (!isFiltered || select(view, scanner.plan.query, room(view.count))),
    )
  const segments = moment.segments.filter((segment) => scanners.some((scanner) => wants(segment, scanner)))
  for await (const view of viewsOf(reading, { batches: moment.batches, segments }, { first, rest, matters })) {
    for (const scanner of scanners) {
      const own = room(view.count)
      if (wants(view, scanner) && select(view, scanner.plan.query, own)) scanner.add(view, own)
    }
  }
}
