/**
 * Counts subjects anew from the ledger while their calls go on: for limits that others had before, or that this process had not.
 * Calls that are booked meanwhile are noted in the store. A call's row may be in what was read of the ledger or not; rows that were there
 * before the reading are, rows that are not there behind it are not, and where some came in between the ledger is read again.
 */
import type { Amounts, Subject, SubjectTotals } from "../state.ts"
import { type CalendarWords, finishWords, storeKey } from "./lease.ts"
import type { StoreLink } from "./link.ts"
import { FINISH, NOTED, RECOUNT } from "./scripts.ts"

export interface RecountRules {
  /** The time for scripts; empty: the store's own. */
  readonly time: () => string
  readonly calendar: CalendarWords
  readonly totalsOf: (subjects: readonly Subject[]) => Promise<readonly SubjectTotals[]>
  readonly usedBy: (requestIds: readonly string[]) => Promise<ReadonlyMap<string, Amounts>>
  /** Tells the store of subjects that it does not count. */
  readonly restore: (totals: readonly SubjectTotals[]) => Promise<void>
}

/** A subject whose calls end all the time may then be counted too high by some of them. */
const MOST_READINGS = 32
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
    const { unknown, begun, inFlight } = await this.#begin(subjects)
    let pending = begun
    let before = await this.#rowsOf(inFlight)
    let isRestored = unknown.length === 0
    for (let reading = 1; pending.length > 0 || !isRestored; reading += 1) {
      const wanted = [...unknown, ...pending.map(({ subject }) => subject)]
      const totals = new Map((await this.#rules.totalsOf(wanted)).map((one) => [one.key, one]))
      if (!isRestored) await this.#rules.restore(unknown.flatMap(({ key }) => totals.get(key) ?? []))
      isRestored = true
      const noted = await this.#noted(pending)
      const behind = await this.#rowsOf([...noted.values()].flat())
      const isClear = (ids: readonly string[]): boolean =>
        reading === MOST_READINGS || ids.every((id) => before.has(id) || !behind.has(id))
      const clear = [...noted].filter(([, ids]) => isClear(ids))
      const known = before
      await inParts(clear, async ([one, ids]) => {
        const used = totals.get(one.subject.key)
        if (used === undefined) return
        await this.#finish(
          one,
          used,
          ids.filter((id) => known.has(id)),
        )
      })
      const done = new Set(clear.map(([one]) => one))
      pending = [...noted.keys()].filter((one) => !done.has(one))
      before = behind
    }
  }

  async #begin(subjects: readonly Subject[]): Promise<{
    readonly unknown: readonly Subject[]
    readonly begun: readonly Pending[]
    readonly inFlight: readonly string[]
  }> {
    const unknown: Subject[] = []
    const begun: Pending[] = []
    const inFlight: string[] = []
    await inParts(subjects, async (subject) => {
      const name = storeKey(subject.key)
      const [number, ...ids] = (await this.#link.run(RECOUNT, ["1", name, this.#rules.time()])) as readonly (
        | number
        | string
      )[]
      if (number === undefined) unknown.push(subject)
      else begun.push({ subject, name, number: String(number) })
      for (const id of ids) inFlight.push(String(id))
    })
    return { unknown, begun, inFlight }
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

  /** Those of the calls that have rows. */
  async #rowsOf(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>()
    const all = [...new Set(ids)]
    for (let at = 0; at < all.length; at += IDS_AT_A_TIME) {
      const rows = await this.#rules.usedBy(all.slice(at, at + IDS_AT_A_TIME))
      for (const id of rows.keys()) found.add(id)
    }
    return found
  }
}

async function inParts<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  for (let at = 0; at < items.length; at += SUBJECTS_AT_A_TIME)
    await Promise.all(items.slice(at, at + SUBJECTS_AT_A_TIME).map(work))
}
