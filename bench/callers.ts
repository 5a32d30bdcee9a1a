/**
 * Many callers in a callers file: how long a start takes, and how soon a changed caller is in force while calls go on.
 *
 *     scripts/run bench/callers.ts [--callers 100000] [--inline 10000]
 */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { callerOf } from "./caller-entries.ts"
import { readMeanwhile } from "../src/config/load-apart.ts"
import { startRouter } from "../src/server/start.ts"
import { ensureRuntimeSettings } from "../src/cli/reexec.ts"
import { computingClocks } from "../src/system/clock.ts"
import { silentLog } from "../src/system/log.ts"

ensureRuntimeSettings()

const { values } = parseArgs({
  options: { callers: { type: "string", default: "100000" }, inline: { type: "string", default: "10000" } },
})
const [count, inline] = [Number(values.callers), Number(values.inline)]
const MIB = 1 << 20
const folder = mkdtempSync(join(tmpdir(), "bench-callers-"))

function linesOf(change: (caller: object, number: number) => object = (caller) => caller): string {
  return Array.from({ length: count }, (_, number) => `${JSON.stringify(change(callerOf(number), number))}\n`).join("")
}

const SECTIONS = `
providers:
  p: { base_url: "http://127.0.0.1:9/v1", dialect: openai-chat, auth_scheme: none, models: { m1: { model: m } } }
models:
  default: { strategy: static, targets: [{ provider: p, model_ref: m1 }] }
users: [{ id: me, status: active }]
projects: [{ id: lab, status: active }]
project_memberships: [{ user_id: me, project: lab, role: owner, status: active }]
`

function prepare(name: string, more: string, server = ""): string {
  const path = join(folder, `${name}.yaml`)
  writeFileSync(
    path,
    `server: { listen: "127.0.0.1:0", usage_db: { path: ${name}.sqlite }${server} }${SECTIONS}${more}`,
  )
  return path
}

/** The longest computing of this thread between two turns of the loop while `work` goes on. Time of other processes does not count. */
async function observed<Result>(work: () => Promise<Result>) {
  const { cpuMs } = computingClocks
  let [longest, last, isOver] = [0, cpuMs(), false]
  const turn = (): void => {
    const now = cpuMs()
    longest = Math.max(longest, now - last)
    last = now
    if (!isOver) setImmediate(turn)
  }
  turn()
  const [from, cpu] = [performance.now(), process.cpuUsage()]
  const result = await work()
  const { user, system } = process.cpuUsage(cpu)
  isOver = true
  return { result, ms: performance.now() - from, longest, cpuMs: (user + system) / 1000 }
}

const shown = (ms: number): string => `${ms.toFixed(0)} ms`.padStart(9)

/** With the processor time of all threads, the collector's too. */
async function measureStart(name: string, path: string): Promise<void> {
  const from = performance.now()
  const child = Bun.spawn([process.execPath, resolve(import.meta.dir, "../src/main.ts"), "serve", "--config", path], {
    stdout: "pipe",
    stderr: "ignore",
  })
  try {
    for await (const chunk of child.stdout) if (new TextDecoder().decode(chunk).includes("is ready")) break
    const ms = performance.now() - from
    const [user = 0, system = 0] = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(" ").slice(13, 15).map(Number)
    const memory = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1]
    console.log(
      `${name}: start ${shown(ms)}, processor ${shown((user + system) * 10)}, memory ${Math.round(Number(memory) / 1024)} MiB`,
    )
  } finally {
    child.kill("SIGKILL")
    await child.exited
  }
}

async function measureReloads(path: string): Promise<void> {
  const lines = join(folder, "callers.jsonl")
  const asked = { reload: () => {} }
  const started = await observed(() =>
    startRouter({
      configPath: path,
      env: {},
      log: silentLog,
      onReloadRequest: (listener) => {
        asked.reload = listener
        return () => {}
      },
    }),
  )
  const router = started.result
  console.log(
    `in this process: start ${shown(started.ms)}, processor ${shown(started.cpuMs)}, memory ${Math.round(process.memoryUsage().rss / MIB)} MiB`,
  )
  const statusOf = async (): Promise<number> => {
    const answer = await fetch(`${router.url}/v1/models`, { headers: { authorization: "Bearer token 7" } })
    await answer.arrayBuffer()
    return answer.status
  }
  const replace = (text: string): void => {
    writeFileSync(`${lines}.new`, text)
    renameSync(`${lines}.new`, lines)
  }
  let status = "active"
  const changed = (): string => linesOf((caller, number) => (number === 7 ? { ...caller, status } : caller))
  const until = async (wanted: number): Promise<void> => {
    while ((await statusOf()) !== wanted) await Bun.sleep(5)
  }
  for (const [name, ask] of [
    ["a changed caller, by signal ", true],
    ["a changed caller, by watch  ", false],
  ] as const) {
    for (let round = 0; round < 5; round += 1) {
      status = status === "active" ? "suspended" : "active"
      const text = changed()
      replace(text)
      Bun.gc(true)
      const { ms, longest, cpuMs } = await observed(async () => {
        if (ask) asked.reload()
        await until(status === "active" ? 200 : 403)
      })
      console.log(
        `${name} in force after ${shown(ms)}, loop held ${longest.toFixed(1)} ms at most, processor ${shown(cpuMs)}, memory ${Math.round(process.memoryUsage().rss / MIB)} MiB`,
      )
      await Bun.sleep(1000)
    }
  }
  await router.stop(0)
}

async function measureInline(path: string): Promise<void> {
  const env = {}
  let before = (await readMeanwhile({ path, env })).callers
  for (let round = 0; round < 5; round += 1) {
    const text = readFileSync(path, "utf8")
    writeFileSync(path, text.replace(/rpm: \d+/, `rpm: ${1000 + round}`))
    const { result, ms, longest, cpuMs } = await observed(() => readMeanwhile({ path, env, before }))
    before = result.callers
    console.log(
      `${inline} callers in the configuration: read anew after ${shown(ms)}, loop held ${longest.toFixed(1)} ms at most, processor ${shown(cpuMs)}, memory ${Math.round(process.memoryUsage().rss / MIB)} MiB`,
    )
  }
}

try {
  writeFileSync(join(folder, "callers.jsonl"), linesOf())
  const withFile = prepare("file", "callers_file: callers.jsonl\n", ", watch_config: true")
  for (let round = 0; round < 3; round += 1) await measureStart(`${count} callers in a file`, withFile)
  const entries = Array.from(
    { length: inline },
    (_, number) => `  - ${JSON.stringify(callerOf(number)).replaceAll(/"(\w+)":/g, "$1: ")}\n`,
  )
  const withList = prepare("inline", `callers:\n${entries.join("")}`)
  await measureStart(`${inline} callers in the configuration`, withList)
  await measureReloads(withFile)
  await measureInline(withList)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exit(0)
