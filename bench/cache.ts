/** `bench/cache`: what a call costs that the response cache answers, against one for which it has no answer, and one without a cache. */
import { mkdirSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import { parseArgs } from "node:util"
import { smallBody } from "./bodies.ts"
import { killChildren } from "./children.ts"
import { startRouter, type Router } from "./contender-router.ts"
import { groupOf } from "./contender.ts"
import { headerLines } from "./load.ts"
import { compile, coreTicks, disturbance, machineLine } from "./machine.ts"
import { cpuMicroseconds, cpuTicksWithEnded } from "./process-tree.ts"
import { startUpstreams, type Upstream } from "./upstreams.ts"

const HELP = `Usage: bench/cache [options]

Measures the CPU of a call that the response cache answers (hit), of one for which it has no answer (miss), and of one of a
router without a cache (off): small bodies of 0.8 KB, in the upstream's own dialect and from a Messages client, with limits,
ledger, log and metrics on. They take turns. Takes about two minutes.

Options
  --rounds N   rounds; figures are the least of them, because whatever disturbs a round adds to it (5)
  --seconds N  length of one turn (3)
  --assert     end with 1 when a hit costs more than a third of a miss
  -h, --help   this text

Needs wrk and gcc, and two cores.
`
const BAR = 1 / 3
const FOLDER = `${import.meta.dir}/.run`
const RUN_FOLDER = `${FOLDER}/cache`
const WAYS = ["off", "miss", "hit"] as const
type Way = (typeof WAYS)[number]
/** Questions of one turn are new to the next one. */
let turnsTaken = 0
const CLIENTS = { chat: "/v1/chat/completions", messages: "/v1/messages" } as const
type Client = keyof typeof CLIENTS

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    killChildren()
    process.kill(process.pid, signal)
  })
}

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    assert: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
})
if (options.help) process.stdout.write(HELP)
else process.exitCode = await main()

async function main(): Promise<number> {
  rmSync(RUN_FOLDER, { recursive: true, force: true })
  mkdirSync(RUN_FOLDER, { recursive: true })
  compile(`${import.meta.dir}/load/upstream.c`, `${FOLDER}/upstream`)
  const ticks = coreTicks()
  const upstreams = await startUpstreams(`${FOLDER}/upstream`, RUN_FOLDER)
  try {
    let isMissed = false
    const lines: string[] = []
    for (const client of ["chat", "messages"] as const) {
      const times = await turns(client, upstreams)
      const [off, miss, hit] = WAYS.map((way) => Math.min(...times[way])) as [number, number, number]
      isMissed ||= hit > miss * BAR
      const verdict = hit <= miss * BAR ? "holds" : "missed"
      lines.push(
        `${client.padEnd(10)} off ${off.toFixed(1)}   miss ${miss.toFixed(1)}   hit ${hit.toFixed(1)} µs   hit/miss ${(hit / miss).toFixed(3)} (bar ${BAR.toFixed(3)}, ${verdict})\n`,
      )
    }
    process.stdout.write(`${machineLine()}\n${disturbance(ticks, coreTicks(), cpuTicksWithEnded(process.pid))}\n`)
    process.stdout.write(lines.join(""))
    return options.assert && isMissed ? 1 : 0
  } finally {
    await upstreams.stop()
  }
}

async function turns(
  client: Client,
  upstreams: Awaited<ReturnType<typeof startUpstreams>>,
): Promise<Record<Way, number[]>> {
  const times: Record<Way, number[]> = { off: [], miss: [], hit: [] }
  const project = dirname(import.meta.dir)
  const cached = await startRouter(upstreams, {
    project,
    folder: `${RUN_FOLDER}/${client}-on`,
    server: "cache: { enabled: true }",
  })
  const plain = await startRouter(upstreams, { project, folder: `${RUN_FOLDER}/${client}-off` })
  try {
    for (let round = -1; round < Number(options.rounds); round++) {
      for (const way of WAYS) {
        const cpu = await turn(way === "off" ? plain : cached, way, client, upstreams.byName.unary)
        process.stderr.write(`${client} ${round + 1} ${way} ${cpu.toFixed(1)}\n`)
        // the first round warms up
        if (round >= 0) times[way].push(cpu)
      }
    }
  } finally {
    await Promise.all([cached.stop(), plain.stop()])
  }
  return times
}

/** CPU of a call, µs. */
async function turn(router: Router, way: Way, client: Client, upstream: Upstream): Promise<number> {
  const bodyPath = `${RUN_FOLDER}/body-${way}.json`
  const headerPath = `${RUN_FOLDER}/headers`
  await Bun.write(bodyPath, bodyOf(client, way === "hit" ? "the same" : `${turnsTaken++} NUMBER`))
  await Bun.write(headerPath, headerLines(router, upstream))
  const here = `${import.meta.dir}/load`
  const script = way === "hit" ? "post.lua" : "differing.lua"
  const settings = [`BODY_FILE=${bodyPath}`, `HEADER_FILE=${headerPath}`, `CALL_PATH=${CLIENTS[client]}`]
  const wrk = ["wrk", "-t1", "-c64", `-d${options.seconds}s`, "--timeout", "30s", "-s", `${here}/${script}`]
  const address = `http://127.0.0.1:${router.port("unary")}`
  const before = { cpu: cpuMicroseconds(router.pid), calls: (await upstream.count()).calls }
  const load = Bun.spawn(["env", ...settings, `POST_LUA=${here}/post.lua`, ...wrk, address], { stderr: "ignore" })
  const report = await new Response(load.stdout).text()
  const faults = report.match(/^.*(Non-2xx|Socket errors).*$/gm)
  const calls = Number(/(\d+) requests in/.exec(report)?.[1] ?? 0)
  if (faults !== null || calls === 0) throw new Error(`${way}: ${report}`)
  const asked = (await upstream.count()).calls - before.calls
  if (way === "hit" ? asked > 64 : asked < calls) throw new Error(`${way}: ${asked} of ${calls} calls were asked for`)
  return (cpuMicroseconds(router.pid) - before.cpu) / calls
}

function bodyOf(client: Client, mark: string): string {
  const chat = JSON.parse(smallBody(groupOf("unary"))) as { readonly messages: readonly { readonly content: string }[] }
  const [system, user] = chat.messages
  const words = `${user?.content ?? ""} ${mark}`
  const shared = { model: groupOf("unary"), temperature: 0, max_tokens: 256 }
  if (client === "messages")
    return JSON.stringify({ ...shared, system: system?.content, messages: [{ role: "user", content: words }] })
  return JSON.stringify({ ...shared, messages: [system, { role: "user", content: words }] })
}
