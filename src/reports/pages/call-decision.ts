/** Why a call went where it went: each target with what spoke for it and against it. */
import type { DecidedCall } from "../../ledger/decision-queries.ts"
import type { Block } from "./block.ts"

/** None where decisions are not recorded. */
export function decisionBlocks({ decision }: DecidedCall): Block[] {
  const { candidates, filterReasons, terms, decisions } = decision
  if (candidates.length === 0) return []
  const reasons = (index: number): string =>
    filterReasons.flatMap((each) => (each.target_index === index ? [each.reason] : [])).join(", ")
  const told = (index: number): string =>
    terms
      .flatMap((each) =>
        each.target_index === index ? [`${each.term} ${shown(each.value)} × ${shown(each.weight)}`] : [],
      )
      .join(", ")
  return [
    {
      id: "targets",
      title: "Targets that could have served it",
      show: "table",
      columns: [
        { key: "target", title: "Target", kind: "text" },
        { key: "state", title: "State", kind: "state" },
        { key: "why", title: "Why left out", kind: "text" },
        { key: "terms", title: "Terms of the score", kind: "text" },
      ],
      rows: candidates.map((each) => {
        const why = reasons(each.target_index)
        return [
          `${each.provider} / ${each.model}`,
          why === "" ? "ok: eligible" : "off: left out",
          why,
          told(each.target_index),
        ]
      }),
      totals: null,
      hasRest: false,
      rowCount: candidates.length,
      ...(decisions[0] === undefined
        ? {}
        : {
            note: `Decided by ${decisions.map(({ mode, strategy, outcome }) => `${mode}: ${strategy}, ${outcome}`).join("; ")}.`,
          }),
    },
  ]
}

function shown(value: number | null): string {
  return value === null ? "unknown" : String(Number(value.toPrecision(3)))
}
