import { breakdowns, dimensionColumn } from "../breakdown.ts"
import { detailTable, newestNote, newestOf } from "../details.ts"
import type { FigureName } from "../figure-columns.ts"
import { columnOf } from "../figure-makers.ts"
import type { Asked, Column, SectionDefinition, Sources, Table } from "../section.ts"

const FIGURE_NAMES: readonly FigureName[] = [
  "calls",
  "errors",
  "error_percent",
  "fallback_percent",
  "p95_ms",
  "cost_usd",
]

const OFF = "No decision is recorded in this range: server.decision_telemetry.enabled: true records them from then on."

const COUNT: Column = { ...columnOf("events", "count", "Decisions", "How often."), bar: true }

interface Detailed {
  readonly id: string
  readonly title: string
  readonly table: string
  readonly kept: readonly string[]
  /** What rows are told apart by: SQL over what is kept. */
  readonly by: readonly (readonly [sql: string, column: Column])[]
  /** Beside their count. */
  readonly more?: readonly (readonly [sql: string, column: Column])[]
  readonly where?: string
  readonly empty?: string
}

const MEAN: Column = { ...columnOf("mean", "rate", "Mean", "The mean value of the term."), unit: "" }

const GROUP = ["group_name", dimensionColumn("group")] as const
const text = (key: string, title: string, about: string): Column => columnOf(key, "text", title, about)

const DETAILED: readonly Detailed[] = [
  {
    id: "decisions",
    title: "Decisions by strategy",
    table: "request_routing_decisions",
    kept: [
      "d.strategy AS strategy",
      "d.mode AS mode",
      "d.outcome AS outcome",
      "d.rank_mode AS rank_mode",
      "d.pin_kind AS pin_kind",
      "d.eligible_count AS eligible_count",
      "u.resolved_group AS group_name",
    ],
    by: [
      GROUP,
      ["strategy", text("strategy", "Strategy", "What decided.")],
      ["mode", text("mode", "Mode", "live: it counted; shadow: it was only recorded.")],
      ["outcome", text("outcome", "Outcome", "decided, failed or unanswered.")],
      ["coalesce(rank_mode, '')", text("rank_mode", "Ranked by", "How the strategy made its order.")],
    ],
    more: [
      [
        "sum(CASE WHEN pin_kind IS NULL THEN 0 ELSE 1 END)",
        columnOf("pinned", "count", "Pinned", "Calls that stayed where their conversation was."),
      ],
      [
        "min(eligible_count)",
        columnOf("least_eligible", "count", "Fewest eligible", "The fewest targets that could serve a call."),
      ],
    ],
  },
  {
    id: "left_out",
    title: "Why targets were left out",
    table: "request_target_filter_reasons",
    kept: [
      "d.provider AS provider",
      "d.model AS model",
      "d.effect AS effect",
      "d.reason AS reason",
      "u.resolved_group AS group_name",
    ],
    by: [
      GROUP,
      ["provider", dimensionColumn("provider")],
      ["model", dimensionColumn("model")],
      ["effect", text("effect", "Effect", "rejected, rejected_late, beyond (put last) or unknown (it stayed).")],
      ["reason", text("reason", "Reason", "What spoke against the target.")],
    ],
  },
  {
    id: "choices",
    title: "What strategies chose",
    table: "request_routing_decisions",
    kept: ["d.mode AS mode", "d.provider AS provider", "d.model AS model", "u.resolved_group AS group_name"],
    by: [
      GROUP,
      ["mode", text("mode", "Mode", "live: it counted; shadow: it was only recorded.")],
      ["coalesce(provider, '')", text("provider", "Provider", "Of the target that the strategy put first.")],
      ["coalesce(model, '')", text("model", "Model", "Of the target that the strategy put first.")],
    ],
  },
  {
    id: "score_terms",
    title: "Terms of scores",
    table: "request_dynamic_score_terms",
    kept: [
      "d.mode AS mode",
      "d.term AS term",
      "d.role AS role",
      "d.value AS value",
      "d.weight AS weight",
      "u.resolved_group AS group_name",
    ],
    by: [
      GROUP,
      ["mode", text("mode", "Mode", "live or shadow.")],
      ["term", text("term", "Term", "The term of the score.")],
      ["role", text("role", "Role", "adds or multiplies.")],
    ],
    more: [
      [
        "sum(CASE WHEN value IS NULL THEN 1 ELSE 0 END)",
        columnOf("unknown", "count", "Unknown", "How often the term had no value."),
      ],
      ["avg(value)", MEAN],
    ],
    empty:
      "No score is recorded in this range: groups with dynamic_score record them where server.decision_telemetry is on.",
  },
  {
    id: "policies",
    title: "Scripts and policy services",
    table: "request_policy_executions",
    kept: [
      "d.kind AS kind",
      "d.mode AS mode",
      "d.outcome AS outcome",
      "d.duration_us AS duration_us",
      "d.error AS error",
      "u.resolved_group AS group_name",
    ],
    by: [
      GROUP,
      ["kind", text("kind", "Kind", "script or service.")],
      ["mode", text("mode", "Mode", "live or shadow.")],
      ["outcome", text("outcome", "Outcome", "How it ended.")],
      ["coalesce(error, '')", text("error", "Error", "Why it failed.")],
    ],
    more: [["CAST(max(duration_us) / 1000 AS BIGINT)", columnOf("max_ms", "ms", "Longest", "The longest run.")]],
    empty: "No script and no policy service ran in this range, or server.decision_telemetry was off.",
  },
]

/** The section `routing`: how targets were chosen. */
export const ROUTING: SectionDefinition = {
  id: "routing",
  title: "Routing decisions",
  about: "How targets were chosen and why others were left out; what a shadow would have chosen.",
  takesBy: false,
  build: async (asked, sources) => {
    const wanted = [
      { id: "by_strategy", title: "Calls by strategy", by: ["group", "strategy"], figures: FIGURE_NAMES, bar: "calls" },
    ] as const
    const [own, details] = await Promise.all([
      breakdowns(asked, sources.queries, wanted),
      Promise.all([
        ...DETAILED.map((detailed) => detailTableOf(detailed, asked, sources)),
        shadowTable(asked, sources),
      ]),
    ])
    return {
      tables: [...own, ...details],
      charts: [],
      notes: [newestNote(asked, "rows of each kind")],
    }
  },
}

async function detailTableOf(
  { id, title, table, kept, by, more = [], empty = OFF }: Detailed,
  asked: Asked,
  { rows }: Sources,
): Promise<Table> {
  const newest = newestOf(asked, table, kept)
  const keys = by.map(([sql, { key }]) => `${sql} AS "${key}"`)
  const places = by.map((_, index) => index + 1).join(", ")
  const others = more.map(([sql, { key }]) => `, ${sql} AS "${key}"`).join("")
  const sql = `SELECT ${keys.join(", ")}, count(*) AS events${others} FROM ${newest.sql} AS e
    GROUP BY ${places} ORDER BY events DESC, ${places}`
  const found = await rows<Record<string, string | number | null>>(sql, newest.parameters)
  const columns = [...by.map(([, column]) => column), COUNT, ...more.map(([, column]) => column)]
  return detailTable({ id, title, columns, empty, notes: [], top: asked.top }, found ?? [])
}

function targetOf(row: string): string {
  return `coalesce(${row}.provider || ' / ' || ${row}.model, '')`
}

/** Where a shadow and what counted would have sent the same calls. */
async function shadowTable(asked: Asked, { rows }: Sources): Promise<Table> {
  const newest = newestOf(asked, "request_routing_decisions", [
    "d.request_id AS request_id",
    "d.mode AS mode",
    "d.outcome AS outcome",
    "d.provider AS provider",
    "d.model AS model",
    "u.resolved_group AS group_name",
  ])
  const sql = `SELECT shadow.group_name AS "group", ${targetOf("live")} AS live_target,
      ${targetOf("shadow")} AS shadow_target, shadow.outcome AS outcome, count(*) AS events
    FROM ${newest.sql} AS shadow JOIN request_routing_decisions AS live
      ON live.request_id = shadow.request_id AND live.mode = 'live'
    WHERE shadow.mode = 'shadow' GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4`
  const found = await rows<Record<string, string | number | null>>(sql, newest.parameters)
  return detailTable(
    {
      id: "shadow",
      title: "Shadow against live",
      columns: [
        dimensionColumn("group"),
        text("live_target", "Live", "The target that the strategy in force put first."),
        text("shadow_target", "Shadow", "The target that the shadow put first."),
        text("outcome", "Outcome", "Of the shadow: decided, failed or unanswered."),
        COUNT,
      ],
      empty: "No shadow decided in this range, or server.decision_telemetry was off.",
      notes: [],
      top: asked.top,
    },
    found ?? [],
  )
}
