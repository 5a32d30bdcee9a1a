/** One server's turn: wrk keeps it busy while its CPU time and the upstream's counter are read before and after. */
import type { Contender } from "./contender.ts"
import { cpuMicroseconds, residentMegabytes } from "./process-tree.ts"
import type { Upstream, UpstreamCount } from "./upstreams.ts"

export interface LoadPlan {
  readonly upstream: Upstream
  readonly bodyPath: string
  /** `/v1/chat/completions` where nothing else is said. */
  readonly path?: string
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

const CHAT_PATH = "/v1/chat/completions"
const SAMPLE_MS = 250
/** An upstream that wrote nothing for this long has nothing left to do: longer than a stream's tick. */
const SILENCE_MS = 250
const SETTLE_ATTEMPTS = 60

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
  const { calls: callsAfter } = await settledCount(plan.upstream)
  const writes = after.writes - before.writes
  return {
    cpuMicroseconds: (after.cpu - before.cpu) / writes,
    perSecond: writes / ((after.atNs - before.atNs) / 1e9),
    residentMegabytes: resident,
    calls: callsAfter - callsBefore,
    faults: (report.match(/^.*(Non-2xx|Socket errors).*$/gm) ?? []).map((line) => line.trim()).join("; "),
  }
}

/** Some servers let an upstream go on after their client has left: the next turn must not pay for it. */
async function settledCount(upstream: Upstream): Promise<UpstreamCount> {
  let count = await upstream.count()
  for (let attempt = 0; attempt < SETTLE_ATTEMPTS; attempt++) {
    await Bun.sleep(SILENCE_MS)
    const later = await upstream.count()
    if (later.writes === count.writes) return later
    count = later
  }
  return count
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
  const settings = [`BODY_FILE=${plan.bodyPath}`, `HEADER_FILE=${headerPath}`, `CALL_PATH=${plan.path ?? CHAT_PATH}`]
  return Bun.spawn(["env", ...settings, ...wrk, ...script], { stdin: "ignore", stdout: "pipe", stderr: "ignore" })
}

/** Does the server answer this call with 200? A peer that cannot do a kind of work is left out of it. */
export async function canServe(contender: Contender, upstream: Upstream, body: string): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${contender.port(upstream.name)}/v1/chat/completions`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...contender.headers(upstream.name) },
    body,
  })
  await response.arrayBuffer()
  return response.status === 200
}

/** The header lines of a call, each with its line end. */
export function headerLines(contender: Contender, upstream: Upstream): string {
  const headers = { "Content-Type": "application/json", ...contender.headers(upstream.name) }
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")
}
