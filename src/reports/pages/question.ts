/** The parameters of a page's address beyond range, zone and filters, read strictly. */
import { filtersOf } from "../breakdown.ts"
import { slotFor } from "../asked.ts"
import { searchOrder } from "../call-list.ts"
import { ALL_DIMENSIONS } from "../plan.ts"
import { isTag, ReportRefused, type Slot } from "../query.ts"
import type { Asked } from "../section.ts"
import type { PageDefinition, PageQuestion } from "./page.ts"

export const SLOTS: readonly Slot[] = ["15m", "hour", "day", "week", "month"]

/** By the names of parameters; absent: the default. */
export interface PageTexts {
  readonly by?: string | undefined
  readonly slot?: string | undefined
  /** `no`: without the period before. */
  readonly compare?: string | undefined
  readonly call?: string | undefined
  readonly only?: string | undefined
}

/** @throws ReportRefused with the name of the parameter */
export function readQuestion(page: PageDefinition, asked: Asked, texts: PageTexts): PageQuestion {
  const { from, to, zone, scope, sort } = asked
  return {
    page: page.name,
    from,
    to,
    zone,
    slot: wordOf(texts.slot, SLOTS, "slot") ?? slotFor(to - from),
    where: filtersOf(asked),
    domain: scope === null ? "*" : `${scope.project}/${scope.environment}`,
    by: byOf(page, texts.by),
    compare: wordOf(texts.compare, ["yes", "no"], "compare") !== "no",
    sort: searchOrder(sort),
    after: placeOf(asked.after),
    call: texts.call ?? null,
    only: texts.only?.split(",") ?? null,
  }
}

function byOf({ by }: PageDefinition, text: string | undefined): PageQuestion["by"] {
  if (text !== undefined && isTag(text)) return text
  return wordOf(text, by.length === 0 ? ALL_DIMENSIONS : by, "by") ?? by[0] ?? "project"
}

function placeOf(text: string | null): PageQuestion["after"] {
  if (text === null) return null
  const [, value = "", requestId = ""] = /^(\d{1,16})\.(.{1,256})$/s.exec(text) ?? []
  if (value === "") throw new ReportRefused("cursor", "This is not a place that an answer named as its next.")
  return { value: Number(value), requestId }
}

function wordOf<Word extends string>(text: string | undefined, known: readonly Word[], name: string): Word | null {
  if (text === undefined) return null
  const word = known.find((each) => each === text)
  if (word === undefined)
    throw new ReportRefused(name, `${JSON.stringify(text.slice(0, 100))} is not one of ${known.join(", ")}.`)
  return word
}
