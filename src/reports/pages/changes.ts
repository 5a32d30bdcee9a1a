/** The groups whose figure differs most from the period before. */
import type { Group, Rows } from "../query.ts"
import { chosen, framed, queryOf, titled } from "./block-query.ts"
import type { PlannedBlock } from "./cube-blocks.ts"
import { dimensionTitle } from "../dimension-titles.ts"
import { type Figure, FIGURES, whole } from "./figure.ts"
import type { BlockDefinition, PageQuestion } from "./page.ts"

const TOP_CHANGES = 1000
const SHOWN_CHANGES = 12

type Changes = Extract<BlockDefinition, { readonly show: "changes" }>

export function changes(definition: Changes, question: PageQuestion): PlannedBlock {
  const by = chosen(definition.by, question)
  const figure: Figure = FIGURES[definition.figure]
  const asked = { figures: [definition.figure], by: [by], top: TOP_CHANGES }
  const compares = question.compare && question.from > 0
  const value = (group: Group | undefined): bigint => BigInt((group === undefined ? 0 : figure.of(group.figures)) ?? 0)
  return {
    queries: compares ? [queryOf(question, asked), queryOf(question, { ...asked, before: true })] : [],
    block: ([now, before]) => {
      const [nowBy, beforeBy] = [byName(now), byName(before)]
      const all = [...new Set([...nowBy.keys(), ...beforeBy.keys()])].map((name) => {
        const [current, earlier] = [value(nowBy.get(name)), value(beforeBy.get(name))]
        return { name, current, earlier, change: current - earlier }
      })
      const largest = all
        .filter(({ change }) => change !== 0n)
        .toSorted((one, other) => Number(size(other.change) - size(one.change)))
        .slice(0, SHOWN_CHANGES)
      return {
        ...framed(definition),
        title: titled(definition, by),
        show: "table",
        columns: [
          { key: by, title: dimensionTitle(by), kind: "text", filter: by },
          { key: "now", title: `${figure.title} now`, kind: figure.kind },
          { key: "before", title: "Before", kind: figure.kind },
          { key: "change", title: "Change", kind: figure.kind },
        ],
        rows: largest.map(({ name, current, earlier, change }) => [
          name,
          whole(current),
          whole(earlier),
          whole(change),
        ]),
        totals: null,
        hasRest: false,
        rowCount: largest.length,
        empty: "Nothing changed between the two periods, or there is no period before.",
      }
    },
  }
}

function size(value: bigint): bigint {
  return value < 0n ? -value : value
}

function byName(rows: Rows | undefined): Map<string, Group> {
  return new Map((rows?.groups ?? []).flatMap((group) => (group.key === null ? [] : [[group.key[0] ?? "", group]])))
}
