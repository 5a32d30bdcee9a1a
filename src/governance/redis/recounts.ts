/**
 * Counts subjects anew from the ledger while their calls go on: for limits that others had before, or that this process had not.
 * Calls that are booked meanwhile are noted in the store. The ledger is read as it was at one moment, its sums and what it knew
 * then of the calls that are noted or in flight. What is still to be booked in the store is taken off the sums, and what was
 * booked and is not in them is added: the greater of both sides counts.
 *
 * One thing may be counted twice: the booking of a call without a lease (its process had no such limit) that reaches the
 * store later than the notes are read, although its row was there at that moment. These are calls that ended within
 * milliseconds of it; a count is never too low.
 */
import type { Amounts, Subject, SubjectTotals } from "../state.ts"
import { type CalendarWords, finishWords, storeKey } from "./lease.ts"
import type { StoreLink } from "./link.ts"
import { FINISH, NOTED, RECOUNT } from "./scripts.ts"
import type { LimitLedger, StoreOptions } from "./store-options.ts"

export interface RecountRules {
  /** The time for scripts; empty: the store's own. */
  readonly time: () => string
  readonly calendar: CalendarWords
  readonly reading: StoreOptions["reading"]
  /** Tells the store of subjects that it does not count. */
  readonly restore: (totals: readonly SubjectTotals[]) => Promise<void>
}

const SUBJECTS_AT_A_TIME = 500
const IDS_AT_A_TIME = 100

interface Pending {
  readonly subject: Subject
  readonly name: string
  readonly number: string
}

export class Recounts {
  readonly #link: StoreLink
  readonly #rules: RecountRules

  constructor(link: StoreLink, rules: RecountRules) {
    this.#link = link
    this.#rules = rules
  }

  async run(subjects: readonly Subject[]): Promise<void> {
    const { unknown, begun } = await this.#begin(subjects)
    await this.#rules.reading(async (ledger) => {
      const totals = new Map((await ledger.totalsOf(subjects)).map((one) => [one.key, one]))
      if (unknown.length > 0) await this.#rules.restore(unknown.flatMap(({ key }) => totals.get(key) ?? []))
      const noted = await this.#noted(begun)
      const known = await rowsOf([...noted.values()].flat(), ledger)
      await inParts([...noted], async ([one, ids]) => {
        const used = totals.get(one.subject.key)
        if (used !== undefined)
          await this.#finish(
            one,
            used,
            ids.flatMap((id) => wordsOf(id, known.get(id))),
          )
      })
    })
  }

  async #begin(
    subjects: readonly Subject[],
  ): Promise<{ readonly unknown: readonly Subject[]; readonly begun: readonly Pending[] }> {
    const unknown: Subject[] = []
    const begun: Pending[] = []
    await inParts(subjects, async (subject) => {
      const name = storeKey(subject.key)
      const number = await this.#link.run(RECOUNT, ["1", name, this.#rules.time()])
      if (number === 0) unknown.push(subject)
      else begun.push({ subject, name, number: String(number) })
    })
    return { unknown, begun }
  }

  /** Without those that a newer count has done with. */
  async #noted(pending: readonly Pending[]): Promise<ReadonlyMap<Pending, readonly string[]>> {
    const noted = new Map<Pending, readonly string[]>()
    await inParts(pending, async (one) => {
      const words = ["1", one.name, this.#rules.time(), one.number]
      const [isOpen, ...ids] = (await this.#link.run(NOTED, words)) as readonly (number | string)[]
      if (isOpen === 1) noted.set(one, ids.map(String))
    })
    return noted
  }

  async #finish({ name, number }: Pending, totals: SubjectTotals, counted: readonly string[]): Promise<void> {
    const head = ["1", name, this.#rules.time(), number, ...this.#rules.calendar.of(totals.ts)]
    await this.#link.run(FINISH, [...head, ...finishWords(totals), ...counted])
  }
}

/** What the rows of the calls say, of those that have rows. */
async function rowsOf(ids: readonly string[], ledger: LimitLedger): Promise<ReadonlyMap<string, Amounts>> {
  const found = new Map<string, Amounts>()
  const all = [...new Set(ids)]
  for (let at = 0; at < all.length; at += IDS_AT_A_TIME) {
    const rows = await ledger.usedBy(all.slice(at, at + IDS_AT_A_TIME))
    for (const [id, used] of rows) found.set(id, used)
  }
  return found
}

function wordsOf(id: string, used: Amounts | undefined): readonly string[] {
  return used === undefined ? [] : [id, String(used.requests), String(used.tokens), String(used.nanoUsd)]
}

async function inParts<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += SUBJECTS_AT_A_TIME)
    await Promise.all(items.slice(at, at + SUBJECTS_AT_A_TIME).map(work))
}
