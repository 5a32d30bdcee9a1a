/** What the running router tells of itself on the pages of the console: alarms, breakers, engines, stores. */
import type { Finding } from "../config/findings.ts"
import type { ReloadStatus } from "../config/reload/reload.ts"
import type { LedgerStore } from "../ledger/open.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { Alerts, Facts, TableBlock, Value } from "../reports/pages/block.ts"
import type { Part, PartBlock, PageSources } from "../reports/pages/compose.ts"
import { ReportUnavailable } from "../reports/query.ts"
import type { LimitUse } from "../reports/section.ts"
import type { RetentionView } from "../reports/retention-view.ts"
import { inTurns } from "../reports/turns.ts"
import { buildInfo } from "../system/build-info.ts"
import { processFacts } from "../system/process-facts.ts"
import { retentionTable } from "./retention-table.ts"
import { standings } from "./standings.ts"

export interface LiveMeans {
  readonly gateway: Gateway
  readonly ledger: Pick<LedgerStore, "status">
  readonly limits: () => Promise<readonly LimitUse[]>
  readonly retention: () => Promise<RetentionView>
  readonly reloads: () => ReloadStatus
  /** Of the configuration in force. */
  readonly findings: () => readonly Finding[]
}

const NEAR_PERCENT = 80n
/** Limits are counted from hourly sums: more often tells nothing new. */
const LIMITS_MS = 30_000

/** Those who see one project are told nothing of the others' router. */
export function livePartsOf(means: LiveMeans): (domain: string) => PageSources["parts"] {
  const near = nearLimits(means)
  const all: PageSources["parts"] = {
    now: async () => nowAlerts(means, await near()),
    breakers: () => Promise.resolve(breakers(means)),
    engines: () => Promise.resolve(engines(means)),
    system: () => Promise.resolve(system(means)),
    state: () => Promise.resolve(stores(means)),
    retention: async () => retentionTable(await means.retention()),
    findings: () => Promise.resolve(findings(means)),
    inactive: () => Promise.resolve(inactive(means)),
  }
  const none = Object.fromEntries(Object.keys(all).map((name) => [name, withheld]))
  return (domain) => (domain === "*" ? all : none)
}

const withheld: Part = () =>
  Promise.reject(new ReportUnavailable("lost", "Only administrators who see all projects are told this."))

function nearLimits({ gateway, limits }: LiveMeans): () => Promise<readonly LimitUse[]> {
  let known: Promise<readonly LimitUse[]> | null = null
  let until = -Infinity
  const ask = async (): Promise<readonly LimitUse[]> => {
    const near: LimitUse[] = []
    for await (const some of inTurns(await limits())) near.push(...some.filter(isNear))
    return near
  }
  return () => {
    const now = gateway.clock.monotonicMs()
    if (known !== null && now < until) return known
    until = now + LIMITS_MS
    const asked = ask()
    known = asked
    // what was not told is asked for again
    asked.catch(() => {
      if (known === asked) known = null
    })
    return asked
  }
}

function isNear({ used, reserved, allowed }: LimitUse): boolean {
  return (used + (reserved ?? 0n)) * 100n >= allowed * NEAR_PERCENT
}

function nowAlerts(means: LiveMeans, near: readonly LimitUse[]): PartBlock {
  const { gateway, ledger, reloads } = means
  const { isUp, spooledBytes } = ledger.status()
  const alerts: Alerts["alerts"][number][] = []
  if (!isUp)
    alerts.push({
      state: "bad",
      text: "The usage database takes no rows; finished calls wait in the spool.",
      link: "system",
    })
  else if (spooledBytes > 0)
    alerts.push({
      state: "warning",
      text: `${spooledBytes} bytes of finished calls wait in the spool.`,
      link: "system",
    })
  if (!gateway.governance.state.isUsable)
    alerts.push({ state: "bad", text: "The shared state cannot be used.", link: "system" })
  if (reloads().refused !== null)
    alerts.push({
      state: "warning",
      text: "The newest configuration was refused; the one before is in force.",
      link: "system",
    })
  const { stopped } = gateway.captures.status()
  if (stopped !== null)
    alerts.push({ state: "bad", text: `Content of calls is not stored: ${stopped.reason}.`, link: "system" })
  for (const { name, standing } of standings(gateway))
    if (standing.breaker !== "closed")
      alerts.push({
        state: "bad",
        text: `The breaker of ${name} is ${standing.breaker}.`,
        link: "reliability?since=1h",
      })
    else if (standing.hindrance !== null)
      alerts.push({
        state: "warning",
        text: `${name} pauses: ${standing.hindrance.reason}.`,
        link: "reliability?since=1h",
      })
  if (near.length > 0) {
    const [first] = near
    const rest = near.length === 1 ? "" : ` and ${near.length - 1} more`
    alerts.push({
      state: "warning",
      text: `Limits near their end: ${first?.id ?? ""} (${first?.limit ?? ""})${rest}.`,
      link: "limits",
    })
  }
  const allIsWell = "All is well: no open breaker, no pause, no spool in use, no limit near its end."
  return { show: "alerts", alerts, allIsWell }
}

function table(columns: TableBlock["columns"], rows: TableBlock["rows"], empty: string): PartBlock {
  return { show: "table", columns, rows, totals: null, hasRest: false, rowCount: rows.length, empty }
}

const BREAKERS = { closed: "ok", "half-open": "warning", open: "bad" } as const

function breakers({ gateway }: LiveMeans): PartBlock {
  const { clock } = gateway
  const nowMs = clock.monotonicMs()
  const rows = standings(gateway).map(({ name, group, standing: { breaker, hindrance } }): Value[] => [
    name,
    group,
    `${BREAKERS[breaker]}: ${breaker}`,
    hindrance === null ? "off: none" : `warning: ${hindrance.reason}`,
    hindrance === null || hindrance.until <= nowMs ? null : clock.now() + hindrance.until - nowMs,
  ])
  return table(
    [
      { key: "target", title: "Target", kind: "text" },
      { key: "group", title: "Group", kind: "text", filter: "group" },
      { key: "breaker", title: "Breaker", kind: "state" },
      { key: "pause", title: "Why it comes last", kind: "state" },
      { key: "until", title: "Until", kind: "time" },
    ],
    rows,
    "No group has a target.",
  )
}

function engines({ gateway }: LiveMeans): PartBlock {
  const { live, clock } = gateway
  const seen = new Map<string, Value[]>()
  for (const { target } of standings(gateway)) {
    const load = live.engineLoad(target, clock.monotonicMs())
    if (load !== null)
      seen.set(target.provider.name, [
        target.provider.name,
        load.running,
        load.waiting,
        load.cacheUsage === null ? null : Math.round(load.cacheUsage * 10_000) / 100,
      ])
  }
  return table(
    [
      { key: "provider", title: "Provider", kind: "text" },
      { key: "running", title: "Running", kind: "count" },
      { key: "waiting", title: "Waiting", kind: "count" },
      { key: "cache", title: "Cache in use", kind: "percent" },
    ],
    [...seen.values()],
    "No provider tells its load. With `engine_metrics`, and a group that ranks by a score, it stands here.",
  )
}

function system({ gateway, reloads }: LiveMeans): PartBlock {
  const { takenMs, refused } = reloads()
  const { residentBytes, startedAt } = processFacts()
  const facts: Facts["facts"] = [
    { name: "Version", kind: "text", value: `${buildInfo.version} (${buildInfo.commit})` },
    { name: "Runs on", kind: "text", value: `${buildInfo.runtime}, ${buildInfo.os} ${buildInfo.arch}` },
    { name: "Up since", kind: "time", value: Math.round(startedAt * 1000) },
    { name: "Memory", kind: "bytes", value: residentBytes },
    { name: "Calls in flight", kind: "count", value: gateway.active },
    { name: "Configuration", kind: "text", value: gateway.snapshot.routingFingerprint },
    { name: "Prices", kind: "text", value: gateway.snapshot.pricingFingerprint },
    { name: "Taken", kind: "time", value: takenMs },
    {
      name: "Last reload",
      kind: "state",
      value: refused === null ? "ok: in force" : `bad: refused. ${refused.reasons[0] ?? ""}`,
    },
  ]
  return { show: "facts", facts }
}

function stores({ gateway, ledger }: LiveMeans): PartBlock {
  const { isUp, outages, spooledBytes, waiting } = ledger.status()
  const facts: Facts["facts"] = [
    { name: "Usage database", kind: "state", value: isUp ? "ok: takes rows" : "bad: takes no rows" },
    { name: "Outages since the start", kind: "count", value: outages },
    { name: "Waiting in the spool", kind: "bytes", value: spooledBytes },
    { name: "Waiting for the next transaction", kind: "count", value: waiting },
    {
      name: "State of limits",
      kind: "state",
      value: gateway.governance.state.isUsable ? "ok: usable" : "bad: not usable",
    },
  ]
  return { show: "facts", facts }
}

function findings(means: LiveMeans): PartBlock {
  return table(
    [
      { key: "where", title: "Where", kind: "text" },
      { key: "finding", title: "Finding", kind: "state" },
    ],
    means
      .findings()
      .map(({ line, path, severity, message }): Value[] => [
        `line ${line} ${path}`,
        `${severity === "error" ? "bad" : "warning"}: ${message}`,
      ]),
    "The check finds nothing.",
  )
}

function inactive(means: LiveMeans): PartBlock {
  const rows = means.findings().filter(({ message }) => message.includes("not active yet"))
  return table(
    [
      { key: "key", title: "Key", kind: "text" },
      { key: "why", title: "Why", kind: "text" },
    ],
    rows.map(({ path, message }) => [path, message]),
    "Everything that the configuration says is active.",
  )
}
