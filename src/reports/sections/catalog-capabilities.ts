/** What is said, proven and seen of what targets can do, and what the configuration should say. */
import type { Capability } from "../../activation/capabilities.ts"
import { shownBy, UNSEEN, type CapabilityFacts, type Observed } from "../../catalogue/capability-facts.ts"
import { declarationsOf, type Declaration, type KnownTarget } from "../../catalogue/declare.ts"
import { columnOf } from "../figure-makers.ts"
import { newestNote } from "../details.ts"
import type { Asked, CatalogEntry, Column, Row, Sources, Table } from "../section.ts"
import { observedKey, observedTargets } from "./catalog-observed.ts"

export interface SeenTarget extends KnownTarget {
  readonly entry: CatalogEntry
}

/** Each active target with what calls of the range show of it. */
export async function knownTargets(
  asked: Asked,
  sources: Sources,
  entries: readonly CatalogEntry[],
): Promise<readonly SeenTarget[]> {
  const observed = await observedTargets(asked, sources)
  return entries.flatMap((entry) => {
    const { place, capabilities, provider, model, dialect } = entry
    if (place === null) return []
    const seen = observed.get(observedKey(provider, model, dialect)) ?? new Map<Capability, Observed>()
    return [{ entry, place, capabilities, observed: seen }]
  })
}

/** What is known stands before where it holds: a narrow screen shows the first ones. */
const COLUMNS: readonly Column[] = [
  columnOf("model", "text", "Model", "The model."),
  columnOf("capability", "text", "Capability", "What can be proven of the target."),
  columnOf(
    "proven",
    "text",
    "Proven",
    "What records say: proven, failed, expired, changed (proven of another configuration) or missing.",
  ),
  columnOf(
    "declared",
    "text",
    "Declared",
    "What the configuration says: yes, no or unknown; empty: it has no words for it.",
  ),
  columnOf("calls", "count", "Calls", "Calls of the range that used it."),
  columnOf("clean_percent", "percent", "Clean", "Of these, those that ended without an error."),
  columnOf("advice", "text", "Advice", "What differs, and what to do about it."),
  columnOf("group", "text", "Group", "The group that the target is active in."),
  columnOf("provider", "text", "Provider", "The provider."),
  columnOf("dialect", "text", "Dialect", "The dialect of the target."),
  columnOf("checked", "time", "Checked", "When the record was made that counts."),
  columnOf("proven_until", "time", "Holds until", "When that record ends."),
]

const DECLARATION_COLUMNS: readonly Column[] = [
  columnOf("place", "text", "Place", "Where it stands in the configuration."),
  columnOf("key", "text", "Key", "The key."),
  columnOf("value", "text", "Value", "What to write."),
  columnOf("because", "text", "Because", "What shows it."),
]

/** @param missing why there is no catalogue; null: there is one */
export function capabilityTables(
  asked: Asked,
  targets: readonly SeenTarget[],
  missing: string | null,
): readonly Table[] {
  const rows = targets.flatMap((target) => target.capabilities.flatMap((facts) => rowOf(target, facts)))
  const declarations = declarationsOf(targets)
  return [
    cut(asked, {
      id: "capabilities",
      title: "Declared, proven and observed",
      columns: COLUMNS,
      rows,
      empty:
        missing ??
        "Nothing is said of what targets can do, nothing is proven, and no call was made. smart-router validate proves it.",
      notes: rows.length === 0 ? [] : [newestNote(asked, "calls"), TELEMETRY_NOTE],
    }),
    cut(asked, {
      id: "declarations",
      title: "What to declare",
      columns: DECLARATION_COLUMNS,
      rows: declarations.map(({ path, key, yaml, because }): Row => [placeText(path), key, yaml, because]),
      empty: missing ?? "The configuration says what is proven and observed, as far as it can be known.",
      notes:
        declarations.length === 0
          ? []
          : ["smart-router catalog --write writes it into the configuration, whose comments stay."],
    }),
  ]
}

const TELEMETRY_NOTE = "Calls with tools and structured output are counted where server.decision_telemetry is on."

function cut(asked: Asked, table: Omit<Table, "restOf" | "totals">): Table {
  const hidden = Math.max(0, table.rows.length - asked.top)
  const notes = hidden === 0 ? [] : [`${hidden} more are left out: a larger top shows them.`]
  return { ...table, rows: table.rows.slice(0, asked.top), restOf: 0, totals: null, notes: [...table.notes, ...notes] }
}

export function placeText(path: Declaration["path"]): string {
  return path.map((step, index) => (typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`)).join("")
}

/** Nothing where there is nothing to say. */
function rowOf({ entry, observed }: SeenTarget, facts: CapabilityFacts): readonly Row[] {
  const { capability, declared, isDeclarable, proven, checkedAtMs, provenUntilMs } = facts
  const seen = observed.get(capability) ?? UNSEEN
  // caps are declared as honoured wherever nothing is said
  const isSaid = declared !== null && !(capability === "caps" && declared)
  if (!isSaid && proven === "missing" && seen.calls === 0) return []
  return [
    [
      entry.model,
      capability,
      proven,
      isDeclarable ? (declared === null ? "unknown" : declared ? "yes" : "no") : "",
      BigInt(seen.calls),
      seen.calls === 0 ? null : Math.round((seen.clean / seen.calls) * 10_000) / 100,
      adviceOn(facts, seen),
      entry.group,
      entry.provider,
      entry.dialect,
      checkedAtMs,
      provenUntilMs,
    ],
  ]
}

function adviceOn(facts: CapabilityFacts, seen: Observed): string {
  const { declared, isDeclarable, proven, reason } = facts
  const shown = shownBy(facts, seen)
  if (proven === "failed" && declared !== false) return isDeclarable ? `declare that it cannot: ${reason}` : reason
  if (isDeclarable && shown?.is === true && declared === false)
    return `declared no, and ${shown.by} ${shown.by === "calls" ? "show" : "shows"} that it works`
  if (isDeclarable && shown?.is === true && declared === null) return "declare it"
  if (proven === "changed") return "validate anew: the configuration changed"
  if (proven === "expired") return "validate anew"
  return ""
}
