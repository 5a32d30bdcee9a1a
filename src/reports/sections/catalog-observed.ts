/** What calls show of targets: how many used a capability, and how many of these ended without an error. */
import type { Capability } from "../../activation/capabilities.ts"
import type { Observed } from "../../catalogue/capability-facts.ts"
import { callsWhere, idsBetween, MOST_DETAILS, MOST_FILTERED, newestOf, type Part } from "../details.ts"
import type { Asked, Sources } from "../section.ts"

/** By the target's provider, model and dialect, as `observedKey` writes them, and then by capability. */
export type ObservedTargets = ReadonlyMap<string, ReadonlyMap<Capability, Observed>>

export function observedKey(provider: string, model: string, dialect: string): string {
  return JSON.stringify([provider, model, dialect])
}

/** Of rows that every call has: a condition on `u`. */
const BY_USAGE: Readonly<Partial<Record<Capability, string>>> = {
  text: "1 = 1",
  streaming: "u.stream = 1",
  image: "u.input_has_image = 1",
  reasoning: "u.reasoning_tokens > 0",
  "prompt-cache": "u.cached_input_tokens > 0",
}

/** Of rows that calls have where decision telemetry is on: a condition on `d`. */
const BY_SHAPE: Readonly<Partial<Record<Capability, string>>> = {
  tools: "d.tool_count > 0",
  "forced-tools": "d.tool_count > 0 AND d.tool_choice = 'forced'",
  "structured-output": "d.structured_output = 1",
}

const TARGET = [
  "coalesce(u.target_provider, '') AS provider",
  "coalesce(u.target_model, '') AS model",
  "coalesce(u.target_dialect, '') AS dialect",
  "CASE WHEN u.error IS NULL AND u.status < 400 THEN 1 ELSE 0 END AS clean",
]
/** Neither calls whose client left tell something, nor those that no target saw. */
const ASKED_A_TARGET = "u.target_provider IS NOT NULL AND u.status <> 499 AND u.cache <> 'hit'"

export async function observedTargets(asked: Asked, { rows }: Sources): Promise<ObservedTargets> {
  const [byUsage, byShape] = await Promise.all([
    rows<CountRow>(...counted(newestCalls(asked), BY_USAGE)),
    rows<CountRow>(
      ...counted(
        newestOf(asked, "request_decision_shape_features", [...TARGET, ...flags(BY_SHAPE)], ASKED_A_TARGET),
        BY_SHAPE,
      ),
    ),
  ])
  const found = new Map<string, Map<Capability, Observed>>()
  for (const row of [...(byUsage ?? []), ...(byShape ?? [])]) {
    const key = observedKey(row.provider, row.model, row.dialect)
    const known = found.get(key) ?? new Map<Capability, Observed>()
    found.set(key, known)
    for (const name of capabilitiesOf({ ...BY_USAGE, ...BY_SHAPE })) {
      const calls = Number(row[columnOf(name)] ?? 0)
      if (calls > 0) known.set(name, { calls, clean: Number(row[`${columnOf(name)}_clean`] ?? 0) })
    }
  }
  return found
}

interface CountRow extends Readonly<Record<string, unknown>> {
  readonly provider: string
  readonly model: string
  readonly dialect: string
}

function newestCalls(asked: Asked): Part {
  const range = idsBetween("u.request_id", asked)
  const where = callsWhere(asked)
  const most = where.sql === "" ? MOST_DETAILS : MOST_FILTERED
  return {
    sql: `(SELECT ${[...TARGET, ...flags(BY_USAGE)].join(", ")} FROM request_usage AS u
      WHERE ${range.sql} AND ${ASKED_A_TARGET}${where.sql} ORDER BY u.request_id DESC LIMIT ${most})`,
    parameters: [...range.parameters, ...where.parameters],
  }
}

function counted(
  { sql, parameters }: Part,
  conditions: Conditions,
): readonly [sql: string, parameters: Part["parameters"]] {
  const sums = capabilitiesOf(conditions)
    .map(columnOf)
    .flatMap((name) => [`sum(${name}) AS ${name}`, `sum(${name} * clean) AS ${name}_clean`])
  return [
    `SELECT provider, model, dialect, ${sums.join(", ")} FROM ${sql} AS found GROUP BY provider, model, dialect`,
    parameters,
  ]
}

type Conditions = Readonly<Partial<Record<Capability, string>>>

function flags(conditions: Conditions): readonly string[] {
  return capabilitiesOf(conditions).map(
    (name) => `CASE WHEN ${conditions[name] ?? "1 = 0"} THEN 1 ELSE 0 END AS ${columnOf(name)}`,
  )
}

function capabilitiesOf(conditions: Conditions): readonly Capability[] {
  return Object.keys(conditions) as Capability[]
}

function columnOf(capability: Capability): string {
  return `uses_${capability.replaceAll("-", "_")}`
}
