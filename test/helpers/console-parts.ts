/** What a router would say of itself on the pages of the console: made up, of the shapes that the pages take. */
import type { Block, Kind, TableBlock, Value } from "../../src/reports/pages/block.ts"
import type { Part, PartBlock, PageSources } from "../../src/reports/pages/compose.ts"

type Rows = readonly (readonly Value[])[]

function table(columns: readonly (readonly [title: string, kind: Kind])[], rows: Rows, empty = ""): PartBlock {
  return {
    show: "table",
    columns: columns.map(([title, kind]) => ({
      key: title.toLowerCase().replaceAll(" ", "_"),
      title,
      kind,
    })),
    rows,
    totals: null,
    hasRest: false,
    rowCount: rows.length,
    empty,
  } satisfies Omit<TableBlock, "id" | "title">
}

const USD = 1e9
const MODELS = ["large-2026-09", "medium-2026-09", "small-2026-06", "reasoning-2026-11", "vision-2026-08"]
const PROVIDERS = ["alpha", "beta", "gamma", "own-gpus"]
const TARGETS = MODELS.flatMap((model, index) => [0, 1].map((shift) => `${PROVIDERS[(index + shift) % 4]} / ${model}`))

export function consoleParts(nowMs: number, callers: readonly string[], isEmpty: boolean): PageSources["parts"] {
  const always =
    (block: PartBlock): Part =>
    () =>
      Promise.resolve(block)
  const rows = (all: Rows): Rows => (isEmpty ? [] : all)
  return {
    now: always({
      show: "alerts",
      alerts: isEmpty
        ? []
        : [
            {
              state: "bad",
              text: "The breaker of beta / medium-2026-09 is open since 09:12: 14 of 20 attempts failed.",
              link: "reliability?since=1h",
            },
            {
              state: "warning",
              text: "gamma / small-2026-06 pauses for 23 s more: it answered 429.",
              link: "reliability?since=1h",
            },
            { state: "warning", text: "3 limits are above 80 %; checkout-api is the nearest.", link: "limits" },
          ],
      allIsWell: "All is well: no open breaker, no pause, no spool in use, no limit near its end.",
    }),
    budgets: always(
      table(
        [
          ["Whose", "text"],
          ["Budget", "text"],
          ["Used", "money"],
          ["Reserved", "money"],
          ["Remaining", "money"],
          ["Used share", "percent"],
          ["At today's pace", "state"],
        ],
        rows(
          callers.slice(0, 14).map((caller, index) => {
            const limit = (index + 1) * 400 * USD
            const used = Math.round(limit * (0.94 - index * 0.06))
            const state =
              index === 0
                ? "bad: ends on 3 December"
                : index < 4
                  ? "warning: ends on 19 December"
                  : "ok: lasts the month"
            return [
              caller,
              "month",
              used,
              2 * USD,
              limit - used - 2 * USD,
              Math.round((used / limit) * 10_000) / 100,
              state,
            ]
          }),
        ),
        "No caller or project has a budget. `spend.month_usd` of a caller or project sets one.",
      ),
    ),
    savings: always(
      table(
        [
          ["Baseline", "text"],
          ["Reference cost", "money"],
          ["Cost", "money"],
          ["Saved", "money"],
          ["Saved share", "percent"],
          ["Calls of unknown cost", "count"],
        ],
        rows([["everything on large-2026-09", 8_412_553_120_000, 5_120_441_900_000, 3_292_111_220_000, 39.13, 212]]),
        "The configuration names no baseline. `server.admin_reports.baselines` takes a name and prices to compare with.",
      ),
    ),
    engines: always(
      table(
        [
          ["Engine", "text"],
          ["Running", "count"],
          ["Waiting", "count"],
          ["Cache in use", "percent"],
          ["State", "state"],
        ],
        rows([
          ["own-gpus / small-2026-06", 31, 4, 71.4, "ok: fresh"],
          ["own-gpus / vision-2026-08", 8, 0, 22.1, "ok: fresh"],
        ]),
        "No provider has `engine_metrics`; with it, the load of private engines stands here.",
      ),
    ),
    flows: always({
      show: "flow",
      kind: "count",
      links: isEmpty
        ? []
        : [
            { from: "beta / medium", to: "alpha / medium", value: 412 },
            { from: "beta / medium", to: "gamma / medium", value: 96 },
            { from: "alpha / medium", to: "gamma / large", value: 57 },
            { from: "alpha / medium", to: "answered", value: 355 },
            { from: "gamma / medium", to: "answered", value: 88 },
            { from: "gamma / medium", to: "failed", value: 8, isBad: true },
            { from: "gamma / large", to: "answered", value: 50 },
            { from: "gamma / large", to: "failed", value: 7, isBad: true },
          ],
    }),
    shaping: always(
      table(
        [
          ["Scope", "text"],
          ["Bucket", "text"],
          ["Queued", "count"],
          ["Refused", "count"],
          ["Wait p50", "ms"],
          ["Wait p95", "ms"],
        ],
        rows([
          ["alpha", "output tokens", 1204, 31, 140, 910],
          ["caller checkout-api", "requests", 310, 84, 320, 1900],
          ["gamma / small-2026-06", "paused by 429", 77, 12, 0, 21_000],
        ]),
        "No call waited in a queue in this range.",
      ),
    ),
    breakers: always(
      table(
        [
          ["Target", "text"],
          ["Breaker", "state"],
          ["Since", "time"],
          ["Faults in the window", "count"],
          ["Pause", "state"],
        ],
        rows(
          TARGETS.slice(0, 6).map((target, index) => [
            target,
            index === 1 ? "bad: open" : "ok: closed",
            nowMs - (index + 1) * 733_000,
            index === 1 ? 14 : 0,
            index === 2 ? "warning: 23 s more" : "off: none",
          ]),
        ),
        "No target has been asked yet.",
      ),
    ),
    decisions: always(
      table(
        [
          ["Group", "text"],
          ["Strategy", "text"],
          ["Reason", "text"],
          ["Calls", "count"],
          ["Share", "percent"],
        ],
        rows([
          ["fast", "dynamic_score", "best score", 18_204, 71.2],
          ["fast", "dynamic_score", "pinned conversation", 5_411, 21.16],
          ["smart", "script", "class: code", 3_120, 44.02],
        ]),
        "Decisions are not recorded. `decision_telemetry` of a group records them.",
      ),
    ),
    "left-out": always(
      table(
        [
          ["Target", "text"],
          ["Reason", "text"],
          ["Calls", "count"],
        ],
        rows([
          ["gamma / small-2026-06", "context too small", 4_120],
          ["own-gpus / vision-2026-08", "no tools", 2_871],
        ]),
        "No target was left out in this range.",
      ),
    ),
    shadow: always(
      table(
        [
          ["Group", "text"],
          ["Live", "text"],
          ["Shadow", "text"],
          ["Same choice", "percent"],
          ["Expected cost, live", "money"],
          ["Expected cost, shadow", "money"],
        ],
        rows([["fast", "dynamic_score", "script v2", 81.4, 412 * USD, 377 * USD]]),
        "No group has a shadow strategy.",
      ),
    ),
    "score-terms": always(
      table(
        [
          ["Group", "text"],
          ["Term", "text"],
          ["Weight", "count"],
          ["Mean value", "percent"],
        ],
        rows([
          ["fast", "latency", 3, 61.2],
          ["fast", "cost", 2, 38.8],
          ["fast", "errors", 5, 97.1],
        ]),
        "No group ranks by a score.",
      ),
    ),
    targets: always(
      table(
        [
          ["Target", "text"],
          ["State", "state"],
          ["Dialect", "text"],
          ["Activated", "time"],
          ["Context", "tokens"],
          ["Tools", "state"],
          ["Images", "state"],
          ["Structured output", "state"],
        ],
        rows(
          TARGETS.map((target, index) => [
            target,
            index % 4 === 3
              ? "off: catalogue only"
              : index === 5
                ? "warning: activation expires in 4 days"
                : "ok: active",
            index % 2 === 0 ? "openai-chat" : "anthropic",
            index % 4 === 3 ? null : nowMs - (index + 2) * 86_400_000 * 3,
            128_000 + index * 8000,
            index === 4 ? "warning: declared, not proven" : "ok: proven",
            index % 3 === 0 ? "off: no" : "ok: proven",
            "ok: proven",
          ]),
        ),
        "The configuration has no target. `smart-router init` writes one to start with.",
      ),
    ),
    prices: always(
      table(
        [
          ["Model", "text"],
          ["Input per million", "price"],
          ["Cached per million", "price"],
          ["Output per million", "price"],
          ["Source", "text"],
          ["As of", "text"],
        ],
        rows(
          TARGETS.map((target, index) => [
            target,
            (index + 1) * 250_000_000,
            (index + 1) * 25_000_000,
            (index + 1) * 1_250_000_000,
            "https://example.com/prices",
            "2026-10-01",
          ]),
        ),
        "No model has a price.",
      ),
    ),
    capabilities: always(
      table(
        [
          ["Model", "text"],
          ["Capability", "text"],
          ["Proven", "state"],
          ["Declared", "text"],
          ["Calls", "count"],
          ["Clean", "percent"],
          ["Advice", "text"],
        ],
        rows(
          TARGETS.map((target, index) => [
            target,
            index % 2 === 0 ? "tools" : "image",
            index % 4 === 3 ? "bad: failed" : index === 5 ? "warning: expired" : "ok: proven",
            index % 3 === 0 ? "unknown" : "yes",
            index * 1200,
            99.1 - index,
            index % 3 === 0 ? "declare it" : "",
          ]),
        ),
        "Nothing is said of what targets can do, and nothing is proven.",
      ),
    ),
    findings: always(
      table(
        [
          ["Where", "text"],
          ["Finding", "state"],
        ],
        rows([["config.yaml:41 groups[2]", "warning: the group has one target alone: nothing is tried after it"]]),
        "The check finds nothing.",
      ),
    ),
    limits: always({
      ...table(
        [
          ["Whose", "text"],
          ["Limit", "text"],
          ["Used share", "percent"],
          ["Used", "count"],
          ["Reserved", "count"],
          ["Remaining", "count"],
          ["Allowed", "count"],
          ["Begins anew", "time"],
          ["State", "state"],
        ],
        rows(
          callers.slice(0, 1000).map((caller, index) => {
            const share = Math.max(0.2, 99.5 - index * 0.37)
            const used = Math.round(share * 600)
            return [
              caller,
              index % 3 === 0 ? "rpm" : "tokens per day",
              Math.round(share * 100) / 100,
              used,
              index % 7,
              60_000 - used,
              60_000,
              nowMs + 3_600_000 * (index % 12),
              share > 99 ? "bad: exhausted" : share > 80 ? "warning: near its end" : "ok: within",
            ]
          }),
        ),
        "No caller and no project has a limit. `limits` of a caller sets one.",
      ),
      rowCount: isEmpty ? 0 : callers.length,
    } as PartBlock),
    security: always(
      table(
        [
          ["Time", "time"],
          ["Who", "text"],
          ["Surface", "text"],
          ["What", "text"],
          ["Outcome", "state"],
          ["Address", "text"],
        ],
        rows(
          Array.from({ length: 40 }, (_, index) => [
            nowMs - index * 431_000,
            ["ada@example.com", "finance@example.com", "caller app-7", "(unknown)"][index % 4] ?? "",
            ["sign-in", "report", "call", "export"][index % 4] ?? "",
            ["password", "spend", "unknown token", "cost by project"][index % 4] ?? "",
            index % 4 === 2 ? "bad: refused 401" : "ok: permitted",
            `10.0.${index % 5}.${index}`,
          ]),
        ),
        "Nothing happened in this range.",
      ),
    ),
    system: always({
      show: "facts",
      facts: [
        { name: "Version", kind: "text", value: "0.1.0 (f0e1d2c3b4a5)" },
        { name: "Up since", kind: "time", value: nowMs - 86_400_000 * 3.2 },
        { name: "Workers", kind: "count", value: 4 },
        { name: "Calls in flight", kind: "count", value: isEmpty ? 0 : 37 },
        { name: "Configuration", kind: "text", value: "9f3b2c1d8e7a6f50" },
        { name: "Changed", kind: "time", value: nowMs - 7_200_000 },
        { name: "Last reload", kind: "state", value: "ok: in force" },
      ],
    }),
    state: always({
      show: "facts",
      facts: [
        { name: "Usage database", kind: "state", value: "ok: takes writes" },
        { name: "Spool", kind: "state", value: "ok: empty" },
        { name: "Shared state", kind: "state", value: "off: in memory" },
        { name: "Request log", kind: "state", value: "ok: written" },
        { name: "Schema", kind: "text", value: "version 19, no migration is pending" },
      ],
    }),
    inactive: always(
      table(
        [
          ["Key", "text"],
          ["Why", "text"],
        ],
        rows([["server.otel", "This version accepts the key and does nothing with it."]]),
        "Everything that the configuration says is active.",
      ),
    ),
    call: (question) =>
      Promise.resolve([
        { id: "call", title: "The call", show: "missing", reason: `There is no call ${question.call ?? ""}.` },
      ] satisfies Block[]),
  }
}
