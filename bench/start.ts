/**
 * The time that a binary takes to its first `/readyz`, and its memory when it rests.
 *
 *     scripts/run bench/start.ts [--binary dist/smart-router] [--rounds 7] [--callers 100,20000]
 *
 * Up to 100 callers stand in the configuration, more in a callers file. A round begins with the start of the process and ends
 * with status 200; the disk has been read before. Memory is that of the process 10 s after it is ready: VmRSS, and RssAnon, which
 * leaves out the pages of the binary.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { callerOf } from "./caller-entries.ts"
import { freePort } from "./children.ts"
import { median } from "./statistics.ts"

const { values } = parseArgs({
  options: {
    binary: { type: "string", default: "dist/smart-router" },
    rounds: { type: "string", default: "7" },
    callers: { type: "string", default: "100,20000" },
  },
})
const binary = resolve(values.binary)
const rounds = Number(values.rounds)
const INLINE = 100
const REST_MS = 10_000
const LONGEST_START_MS = 120_000
const BARS = { readyMs: { [INLINE]: 300, 20_000: 3000 } as Readonly<Record<number, number>>, idleMiB: 90 }

console.log(
  "| callers | ready after, ms (median, all rounds) | bar | CPU, ms | at rest, MiB | own of it | bar |\n| --- | --- | --- | --- | --- | --- | --- |",
)
for (const callers of values.callers.split(",").map(Number)) console.log(await measure(callers))

async function measure(callers: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "bench-start-"))
  try {
    const port = freePort()
    writeConfig(folder, callers, port)
    // the first start makes the database
    await start(folder, port, 0)
    const starts: Start[] = []
    for (let round = 0; round < rounds; round += 1) starts.push(await start(folder, port, round === 0 ? REST_MS : 0))
    const times = starts.map(({ readyMs }) => readyMs)
    const all = times.map((ms) => ms.toFixed(0)).join(", ")
    const cells = [callers, `${median(times).toFixed(0)} (${all})`, `≤ ${BARS.readyMs[callers] ?? "–"}`]
    const idle = callers <= INLINE ? `≤ ${BARS.idleMiB}` : "–"
    const cpu = median(starts.map(({ cpuMs }) => cpuMs)).toFixed(0)
    const memory = starts.slice(0, 1).flatMap(({ residentMiB, ownMiB }) => [residentMiB.toFixed(0), ownMiB.toFixed(0)])
    return `| ${[...cells, cpu, ...memory, idle].join(" | ")} |`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Start {
  readonly readyMs: number
  /** User and system time until then. */
  readonly cpuMs: number
  readonly residentMiB: number
  readonly ownMiB: number
}

async function start(folder: string, port: number, restMs: number): Promise<Start> {
  const began = performance.now()
  const child = Bun.spawn([binary, "serve", "--config", join(folder, "config.yaml")], {
    env: { PATH: "/nowhere" },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  })
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error(`serve ended with ${child.exitCode}`)
      if (performance.now() - began > LONGEST_START_MS) throw new Error("serve is not ready")
      await Bun.sleep(2)
    }
    const readyMs = performance.now() - began
    const cpuMs = cpuOf(child.pid)
    await Bun.sleep(restMs)
    return { readyMs, cpuMs, residentMiB: memoryOf(child.pid, "VmRSS"), ownMiB: memoryOf(child.pid, "RssAnon") }
  } finally {
    child.kill("SIGKILL")
    await child.exited
  }
}

function isReady(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    (response) => response.ok,
    () => false,
  )
}

function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? []
  // clock ticks of 10 ms
  return (Number(fields[11]) + Number(fields[12])) * 10
}

function memoryOf(pid: number, field: "VmRSS" | "RssAnon"): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]
  return Number(kilobytes) / 1024
}

function writeConfig(folder: string, callers: number, port: number): void {
  const list = Array.from({ length: callers }, (_, number) => JSON.stringify(callerOf(number)))
  const isInline = callers <= INLINE
  if (!isInline) writeFileSync(join(folder, "callers.jsonl"), `${list.join("\n")}\n`)
  writeFileSync(
    join(folder, "config.yaml"),
    `server: { listen: "127.0.0.1:${port}", usage_db: { path: state/usage.sqlite } }
providers:
  p: { base_url: "http://127.0.0.1:9/v1", dialect: openai-chat, auth_scheme: none, models: { m: { model: m } } }
models: { default: { strategy: static, targets: [{ provider: p, model_ref: m }] } }
users: [{ id: me, name: Me, type: person, status: active }]
projects: [{ id: lab, name: Lab, status: active }]
project_memberships: [{ user_id: me, project: lab, role: owner, status: active }]
${isInline ? `callers:\n${list.map((line) => `  - ${line}\n`).join("")}` : "callers: []\ncallers_file: callers.jsonl\n"}`,
  )
}
