/** One server's turn: wrk keeps it busy while its CPU time and the upstream's counter are read before and after. */
import type { Contender } from "./contender.ts"
import { cpuMicroseconds, residentMegabytes } from "./process-tree.ts"
import type { Upstream } from "./upstreams.ts"

export interface LoadPlan {
  readonly upstream: Upstream
  readonly bodyPath: string
  readonly connections: number
  /** From the start of the load to the first reading: connections are made, streams begin. */
  readonly leadMs: number
  readonly windowMs: number
}

export interface Turn {
  /** CPU time of the server's process tree for one answer or, with streams, one chunk. */
  readonly cpuMicroseconds: number
  /** Answers or chunks in a second. */
  readonly perSecond: number
  /** Largest resident memory seen. */
  readonly residentMegabytes: number
  /** Calls that reached the upstream from the first connection to the last. */
  readonly calls: number
  /** What wrk had to say about failures; empty when there were none. */
  readonly faults: string
}

const SAMPLE_MS = 250
/** After the load: calls that were cut off are given up on both sides. */
const SETTLE_MS = 300

export async function takeTurn(contender: Contender, plan: LoadPlan, folder: string): Promise<Turn> {
  const { calls: callsBefore } = await plan.upstream.count()
  const load = await startWrk(contender, plan, folder)
  await Bun.sleep(plan.leadMs)
  const before = await reading(contender, plan.upstream)
  let resident = 0
  while (Bun.nanoseconds() - before.atNs < plan.windowMs * 1e6) {
    resident = Math.max(resident, residentMegabytes(contender.pid))
    await Bun.sleep(Math.min(SAMPLE_MS, plan.windowMs))
  }
  const after = await reading(contender, plan.upstream)
  load.kill("SIGINT")
  const report = await new Response(load.stdout).text()
  await Bun.sleep(SETTLE_MS)
  const { calls: callsAfter } = await plan.upstream.count()
  const writes = after.writes - before.writes
  return {
    cpuMicroseconds: (after.cpu - before.cpu) / writes,
    perSecond: writes / ((after.atNs - before.atNs) / 1e9),
    residentMegabytes: resident,
    calls: callsAfter - callsBefore,
    faults: (report.match(/^.*(Non-2xx|Socket errors).*$/gm) ?? []).map((line) => line.trim()).join("; "),
  }
}

async function reading(
  contender: Contender,
  upstream: Upstream,
): Promise<{ readonly atNs: number; readonly cpu: number; readonly writes: number }> {
  const { writes } = await upstream.count()
  return { atNs: Bun.nanoseconds(), cpu: cpuMicroseconds(contender.pid), writes }
}

async function startWrk(
  contender: Contender,
  plan: LoadPlan,
  folder: string,
): Promise<Bun.Subprocess<"ignore", "pipe", "ignore">> {
  const headerPath = `${folder}/headers-${contender.name}`
  await Bun.write(headerPath, headerLines(contender, plan.upstream))
  const seconds = Math.ceil((plan.leadMs + plan.windowMs) / 1000) + 30
  const address = `http://127.0.0.1:${contender.port(plan.upstream.name)}`
  const wrk = ["wrk", "-t1", `-c${plan.connections}`, `-d${seconds}s`, "--timeout", "30s"]
  const script = ["-s", `${import.meta.dir}/load/post.lua`, address]
  const settings = [`BODY_FILE=${plan.bodyPath}`, `HEADER_FILE=${headerPath}`]
  return Bun.spawn(["env", ...settings, ...wrk, ...script], { stdin: "ignore", stdout: "pipe", stderr: "ignore" })
}

/** The header lines of a call, each with its line end. */
export function headerLines(contender: Contender, upstream: Upstream): string {
  const headers = { "Content-Type": "application/json", ...contender.headers(upstream.name) }
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")
}
