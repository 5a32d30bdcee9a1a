/** A run as Markdown: how it was measured, the figures, the bars. */
import { barsOf, cpuOf, medianCpu, type Bar, type Results } from "./bars.ts"
import { CONTENDERS, type ContenderName } from "./contender.ts"
import type { AddedLatency } from "./latency.ts"
import type { LoadResult, LoadWork } from "./loads.ts"
import { median, medianRatio, ratioSpread } from "./statistics.ts"

export interface RunFacts {
  readonly date: string
  readonly commandLine: string
  readonly machine: string
  readonly versions: readonly string[]
  readonly notes: readonly string[]
}

const WORK_TITLES: Readonly<Record<LoadWork, string>> = {
  small: "small unary body (0.8 KB), a call",
  agent: "agent body (160 KB), a call",
  streams: "1,000 streams, a chunk",
}

export function report(facts: RunFacts, results: Results): string {
  return [
    "# Measured figures",
    "",
    "Written by `bench/run`. CPU is user and system time of the server's whole process tree on one core; load and upstream",
    "run on the other. The servers take turns round by round; figures are medians over the rounds, ratios are medians of the",
    "ratios within a round. Absolute times of shared machines mean little: compare ratios.",
    "",
    `- date: ${facts.date}`,
    `- command: \`${facts.commandLine}\``,
    `- machine: ${facts.machine}`,
    `- versions: ${facts.versions.join(", ")}`,
    ...facts.notes.map((note) => `- ${note}`),
    "",
    ...loadTable(results),
    ...latencyTable(results),
    "## Bars",
    "",
    ...table(["bar", "limit", "measured", "holds"], barsOf(results).map(barRow)),
    "",
  ].join("\n")
}

function barRow(bar: Bar): string[] {
  return [bar.what, bar.limit, bar.measured ?? "not measured", bar.holds ? "yes" : "**no**"]
}

function loadTable(results: Results): string[] {
  if (results.loads.length === 0) return []
  const header = [
    "CPU, µs",
    "nginx",
    "Portkey",
    "earlier",
    "smart-router",
    "× nginx",
    "× Portkey",
    "× earlier",
    "MB (nginx, Portkey, earlier, router)",
    "faults",
  ]
  return [
    "## CPU and memory",
    "",
    ...table(
      header,
      results.loads.map((load) => loadRow(results, load)),
    ),
    "",
  ]
}

function loadRow(results: Results, { work, turns }: LoadResult): string[] {
  const cpu = (name: ContenderName): string => figure(medianCpu(results, work, name), 1)
  const ratio = (peer: ContenderName, digits: number): string =>
    figure(medianRatio(cpuOf(results, work, "router"), cpuOf(results, work, peer)), digits)
  const memory = CONTENDERS.map((name) => figure(median(turns[name].map((turn) => turn.residentMegabytes)), 0))
  const faults = CONTENDERS.flatMap((name) =>
    turns[name].flatMap((turn) => (turn.faults === "" ? [] : [`${name}: ${turn.faults}`])),
  )
  return [
    WORK_TITLES[work],
    cpu("nginx"),
    cpu("portkey"),
    cpu("earlier"),
    cpu("router"),
    ratio("nginx", 2),
    ratio("portkey", 3),
    ratioToEarlier(results, work),
    memory.join(", "),
    faults.length === 0 ? "none" : faults.join("; "),
  ]
}

/** With the smallest and largest of the rounds. */
function ratioToEarlier(results: Results, work: LoadWork): string {
  const [now, earlier] = [cpuOf(results, work, "router"), cpuOf(results, work, "earlier")]
  if (earlier.length === 0) return "–"
  const [least, most] = ratioSpread(now, earlier)
  return `${figure(medianRatio(now, earlier), 2)} (${figure(least, 2)} to ${figure(most, 2)})`
}

function latencyTable(results: Results): string[] {
  if (results.latency === null) return []
  const { unary, stream } = results.latency
  const rows = unary.map((added) => {
    const first = stream.find((other) => other.name === added.name)
    return [TITLES[added.name], ...wholeOf(added), ...firstOf(first)]
  })
  const header = ["added at concurrency 1, ms", "answer p50", "answer p99", "first token p50", "first token p99"]
  return ["## Added latency", "", ...table(header, rows), ""]
}

const TITLES: Readonly<Record<ContenderName, string>> = {
  nginx: "nginx",
  portkey: "Portkey",
  earlier: "earlier smart-router",
  router: "smart-router",
}

function wholeOf(added: AddedLatency): string[] {
  return [figure(added.wholeP50, 3), figure(added.wholeP99, 3)]
}

function firstOf(added: AddedLatency | undefined): string[] {
  return [figure(added?.firstP50 ?? Number.NaN, 3), figure(added?.firstP99 ?? Number.NaN, 3)]
}

function figure(value: number, digits: number): string {
  return Number.isNaN(value) ? "–" : value.toFixed(digits)
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  return [tableLine(header), tableLine(header.map(() => "---")), ...rows.map(tableLine)]
}

function tableLine(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`
}
