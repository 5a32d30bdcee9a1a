/** `scripts/run bench/routing/main.ts`: compares the strategies in a simulation; prints a table, writes results.md and plots. */
import { writeFileSync } from "node:fs"
import { percentile, shareOf, summaryOf, type Summary } from "./figures.ts"
import { plot, type Line } from "./plot.ts"
import { POLICIES, SCENARIOS, type Policy, type Scenario } from "./scenarios.ts"
import { simulate, type Outcome } from "./simulate.ts"

const SEED = 20_261
const BIN_MS = 30_000

type Runs = ReadonlyMap<Policy, readonly Outcome[]>

const parts = SCENARIOS.map((scenario) => {
  const runs: Runs = new Map(POLICIES.map((policy) => [policy, simulate(scenario, policy, SEED)]))
  drawAll(scenario, runs)
  return sectionOf(scenario, runs)
})
const text = `# Strategies compared

Simulated: the strategies and live figures of the router, pretend upstreams, a clock that only events move. Written by
\`scripts/run bench/routing/main.ts\` (seed ${SEED}); the same every time. All policies see the same calls and the same luck.

${parts.join("\n")}`
writeFileSync(new URL("results.md", import.meta.url), text)
process.stdout.write(text)

function sectionOf(scenario: Scenario, runs: Runs): string {
  const rows = [...runs].map(([policy, outcomes]) => ({ policy, summary: summaryOf(scenario, outcomes) }))
  const plots = scenario.trouble === null ? ["cost"] : ["latency", "share"]
  const pictures = plots.map((what) => `![${scenario.title}: ${what}](${scenario.name}-${what}.svg)`).join("\n")
  return `## ${scenario.title}\n\n${scenario.about}\n\n${table(rows)}\n${pictures}\n`
}

function table(rows: readonly { readonly policy: Policy; readonly summary: Summary }[]): string {
  const columns: readonly (readonly [string, (summary: Summary) => string])[] = [
    ["USD per 1,000 calls", ({ usdPerThousandCalls }) => usdPerThousandCalls.toFixed(2)],
    ["mean latency", ({ meanLatencyMs }) => ms(meanLatencyMs)],
    ["p95 latency", ({ p95LatencyMs }) => ms(p95LatencyMs)],
    ["changes per 1,000 calls", ({ changesPerThousand }) => changesPerThousand.toFixed(1)],
    ["unserved", ({ unserved }) => String(unserved)],
  ]
  const troubled: readonly (readonly [string, (summary: NonNullable<Summary["trouble"]>) => string])[] = [
    ["in trouble: mean latency", ({ meanLatencyMs }) => ms(meanLatencyMs)],
    ["p95 latency", ({ p95LatencyMs }) => ms(p95LatencyMs)],
    ["p95 first token", ({ p95FirstTokenMs }) => ms(p95FirstTokenMs)],
    ["calls that began there", ({ share }) => `${(share * 100).toFixed(1)} %`],
    ["away after", ({ awayAfterS }) => (awayAfterS === null ? "never" : `${awayAfterS} s`)],
    ["back after", ({ backAfterS }) => (backAfterS === null ? "never" : `${backAfterS} s`)],
  ]
  const hasTrouble = rows.some(({ summary }) => summary.trouble !== null)
  const titles = ["policy", ...columns.map(([title]) => title), ...(hasTrouble ? troubled.map(([title]) => title) : [])]
  const lines = rows.map(({ policy, summary }) => {
    const { trouble } = summary
    const cells = [policy, ...columns.map(([, cell]) => cell(summary))]
    return [...cells, ...(trouble === null ? [] : troubled.map(([, cell]) => cell(trouble)))]
  })
  return [titles, titles.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |\n`).join("")
}

function ms(value: number): string {
  return `${Math.round(value)} ms`
}

function drawAll(scenario: Scenario, runs: Runs): void {
  const draw = (
    what: string,
    title: string,
    unit: string,
    value: (bin: readonly Outcome[], all: readonly Outcome[]) => number,
  ): void => {
    const lines = [...runs].map(([policy, outcomes]): Line => ({
      name: policy,
      points: binned(scenario, outcomes, value),
    }))
    const picture = plot({
      title: `${scenario.title}: ${title}`,
      unit,
      lines,
      minutes: scenario.minutes,
      shaded: scenario.trouble,
    })
    writeFileSync(new URL(`${scenario.name}-${what}.svg`, import.meta.url), picture)
  }
  if (scenario.trouble === null) {
    draw(
      "cost",
      "cost of a thousand calls",
      "USD",
      (bin) => (bin.reduce((sum, call) => sum + call.costNanoUsd, 0) / bin.length) * 1e-6,
    )
    return
  }
  const place = scenario.farEnds.findIndex(({ name }) => name === scenario.trouble?.target)
  draw("latency", "p95 latency", "s", (bin) => percentile(bin.map(({ latencyMs }) => latencyMs)) / 1000)
  draw("share", "calls that begin with it", "%", (bin) => shareOf(bin, place, 0, Infinity) * 100)
}

function binned(
  { minutes }: Scenario,
  outcomes: readonly Outcome[],
  value: (bin: readonly Outcome[], all: readonly Outcome[]) => number,
): Line["points"] {
  const bins = Math.floor((minutes * 60_000) / BIN_MS)
  const byBin = Array.from({ length: bins }, (): Outcome[] => [])
  for (const outcome of outcomes) byBin[Math.floor(outcome.atMs / BIN_MS)]?.push(outcome)
  return byBin.map((bin, index) => [((index + 0.5) * BIN_MS) / 60_000, value(bin, outcomes)] as const)
}
