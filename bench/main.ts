/** `bench/run`: the product's numbers. */
import { mkdirSync, rmSync } from "node:fs"
import { dirname } from "node:path"
import { barsOf, type Results } from "./bars.ts"
import { smallBody, streamBody } from "./bodies.ts"
import { killChildren } from "./children.ts"
import { startEarlier } from "./contender-earlier.ts"
import { startNginx } from "./contender-nginx.ts"
import { startPortkey } from "./contender-portkey.ts"
import { startRouter, type Router } from "./contender-router.ts"
import { groupOf, type Contender } from "./contender.ts"
import { callsEach, measureLatency, type AddedLatency, type LatencyPlan } from "./latency.ts"
import { runLoad, STREAMS, usable, type LoadResult, type LoadSetting } from "./loads.ts"
import { compile, coreTicks, disturbance, machineLine, missingTools, openFileLimit, wrkVersion } from "./machine.ts"
import { HELP, readOptions, type Options } from "./options.ts"
import { cpuTicksWithEnded } from "./process-tree.ts"
import { report } from "./report.ts"
import { startUpstreams, type UpstreamName, type Upstreams } from "./upstreams.ts"

const BENCH_FOLDER = import.meta.dir
const TOOL_FOLDER = `${BENCH_FOLDER}/.run`
const RUN_FOLDER = `${TOOL_FOLDER}/session`
const LATENCY_CALLS = 2000

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    killChildren()
    // the default action of the signal
    process.kill(process.pid, signal)
  })
}

process.exitCode = await main(Bun.argv.slice(2))

async function main(argv: readonly string[]): Promise<number> {
  let options: Options
  try {
    options = readOptions(argv)
  } catch (error) {
    say(`bench/run: ${error instanceof Error ? error.message : String(error)}\n\n${HELP}`)
    return 2
  }
  if (options.help) {
    process.stdout.write(HELP)
    return 0
  }
  const missing = missingTools()
  if (missing.length > 0) {
    say(`bench/run: ${missing.join("\n")}`)
    return 2
  }
  try {
    const holds = await measure(options, ["bench/run", ...argv].join(" "))
    return options.assert && !holds ? 1 : 0
  } catch (error) {
    say(`bench/run: ${error instanceof Error ? error.message : String(error)}`)
    return 2
  }
}

/** Do all bars hold? */
async function measure(options: Options, commandLine: string): Promise<boolean> {
  rmSync(RUN_FOLDER, { recursive: true, force: true })
  mkdirSync(RUN_FOLDER, { recursive: true })
  for (const name of ["upstream", "probe"]) compile(`${BENCH_FOLDER}/load/${name}.c`, `${TOOL_FOLDER}/${name}`)
  const notes = new Set<string>()
  const ticksBefore = coreTicks()
  const upstreams = await startUpstreams(`${TOOL_FOLDER}/upstream`, RUN_FOLDER)
  const contenders: Contender[] = []
  try {
    contenders.push(await startNginx(upstreams, RUN_FOLDER))
    const project = dirname(BENCH_FOLDER)
    const router = await startRouter(upstreams, { project, folder: `${RUN_FOLDER}/router`, binary: options.binary })
    contenders.push(router)
    if (options.against !== null)
      contenders.push(await startEarlier(options.against, upstreams, project, TOOL_FOLDER, `${RUN_FOLDER}/earlier`))
    if (options.portkey) contenders.push(...(await portkeyIfPossible(upstreams, notes)))
    const results = await measureAll({ contenders, upstreams, options, folder: RUN_FOLDER, notes, say }, router)
    notes.add(disturbance(ticksBefore, coreTicks(), cpuTicksWithEnded(process.pid)))
    const markdown = report(
      {
        date: `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
        commandLine,
        machine: machineLine(),
        versions: [...contenders.map(({ name, version }) => `${name} ${version}`), `Bun ${Bun.version}`, wrkVersion()],
        notes: [...notes],
      },
      results,
    )
    process.stdout.write(markdown)
    if (options.writeResults) await Bun.write(`${BENCH_FOLDER}/results.md`, markdown)
    return barsOf(results).every((bar) => bar.holds)
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()))
    await upstreams.stop()
  }
}

async function portkeyIfPossible(upstreams: Upstreams, notes: Set<string>): Promise<readonly Contender[]> {
  try {
    return [await startPortkey(upstreams, TOOL_FOLDER, RUN_FOLDER)]
  } catch (error) {
    notes.add("the Portkey gateway could not be installed or started, so it was not measured")
    say(`bench/run: ${error instanceof Error ? error.message : String(error)}`)
    return []
  }
}

async function measureAll(setting: LoadSetting, router: Router): Promise<Results> {
  const loads: LoadResult[] = []
  let latency: Results["latency"] = null
  let calls = 0
  for (const work of setting.options.works) {
    if (work === "latency") {
      const unary = await latencyOf(setting, "unary", smallBody(groupOf("unary")))
      const stream = await latencyOf(setting, "burst", streamBody(groupOf("burst")))
      latency = { unary: unary.added, stream: stream.added }
      calls += unary.calls + stream.calls
    } else if (work === "streams" && openFileLimit() < 2 * STREAMS + 200) {
      setting.notes.add(`only ${openFileLimit()} open files are allowed (ulimit -Hn), so the streams were not measured`)
    } else {
      const load = await runLoad(work, setting)
      loads.push(load)
      calls += load.routerCalls
    }
  }
  // a stopped router has written all that it will ever write
  await router.stop()
  return { loads, latency, ledger: { calls, rows: router.ledgerRows() } }
}

/** What each server adds, and the calls that each of them got. */
async function latencyOf(
  setting: LoadSetting,
  name: UpstreamName,
  body: string,
): Promise<{ readonly added: readonly AddedLatency[]; readonly calls: number }> {
  const bodyPath = `${setting.folder}/body-latency-${name}.json`
  await Bun.write(bodyPath, body)
  setting.say(`latency, ${name}`)
  const upstream = setting.upstreams.byName[name]
  const contenders = await usable(setting, upstream, body)
  const { rounds } = setting.options
  const plan: LatencyPlan = { probe: `${TOOL_FOLDER}/probe`, upstream, bodyPath, calls: LATENCY_CALLS, rounds }
  return { added: await measureLatency(contenders, plan, setting.folder), calls: 1 + callsEach(plan) }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
