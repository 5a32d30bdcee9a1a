/** Added latency at concurrency 1: through a server minus straight to the upstream, calls in turn (load/probe.c). */
import type { Contender, ContenderName } from "./contender.ts"
import { headerLines } from "./load.ts"
import { median } from "./statistics.ts"
import type { Upstream } from "./upstreams.ts"

/** Milliseconds that the server adds: the median over rounds. */
export interface AddedLatency {
  readonly name: ContenderName
  readonly firstP50: number
  readonly firstP99: number
  readonly wholeP50: number
  readonly wholeP99: number
}

export interface LatencyPlan {
  readonly probe: string
  readonly upstream: Upstream
  readonly bodyPath: string
  readonly calls: number
  readonly rounds: number
}

/** Unrecorded calls on each port before the recorded ones (load/probe.c). */
const WARM_UP_CALLS = 1000

/** Calls that one port gets by this plan. */
export function callsEach(plan: LatencyPlan): number {
  return plan.rounds * (plan.calls + WARM_UP_CALLS)
}

type Quantiles = readonly [firstP50: number, firstP99: number, wholeP50: number, wholeP99: number]

export async function measureLatency(
  contenders: readonly Contender[],
  plan: LatencyPlan,
  folder: string,
): Promise<readonly AddedLatency[]> {
  const headerPath = `${folder}/headers-probe`
  await Bun.write(headerPath, allHeaderLines(contenders, plan.upstream))
  const ports = [plan.upstream.port, ...contenders.map((contender) => contender.port(plan.upstream.name))]
  const added = contenders.map((): Quantiles[] => [])
  for (let round = 0; round < plan.rounds; round++) {
    const [direct, ...through] = probeOnce(plan, headerPath, ports)
    for (const [index, quantiles] of through.entries()) {
      if (direct !== undefined) added[index]?.push(difference(quantiles, direct))
    }
  }
  return contenders.map(({ name }, index) => {
    const all = added[index] ?? []
    const milliseconds = (at: 0 | 1 | 2 | 3): number => median(all.map((quantiles) => quantiles[at])) / 1e6
    return {
      name,
      firstP50: milliseconds(0),
      firstP99: milliseconds(1),
      wholeP50: milliseconds(2),
      wholeP99: milliseconds(3),
    }
  })
}

function probeOnce(plan: LatencyPlan, headerPath: string, ports: readonly number[]): Quantiles[] {
  const result = Bun.spawnSync([plan.probe, String(plan.calls), plan.bodyPath, headerPath, ...ports.map(String)])
  if (result.exitCode !== 0) throw new Error(`the latency probe failed: ${result.stderr.toString().trim()}`)
  return result.stdout
    .toString()
    .trim()
    .split("\n")
    .map((line) => {
      const [, , firstP50, firstP99, wholeP50, wholeP99] = line.split(" ").map(Number)
      return [firstP50 ?? NaN, firstP99 ?? NaN, wholeP50 ?? NaN, wholeP99 ?? NaN] as const
    })
}

function difference(through: Quantiles, direct: Quantiles): Quantiles {
  return [through[0] - direct[0], through[1] - direct[1], through[2] - direct[2], through[3] - direct[3]]
}

/** One request serves all ports, so it carries what any of them needs; the router's token is the one that must be right. */
function allHeaderLines(contenders: readonly Contender[], upstream: Upstream): string {
  const routerLast = contenders.toSorted((a, b) => Number(a.name === "router") - Number(b.name === "router"))
  const lines = routerLast.flatMap((contender) => headerLines(contender, upstream).match(/[^\n]+\n/g) ?? [])
  const byName = new Map(lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line]))
  return [...byName.values()].join("")
}
