/** What the run stands on: programs that must be there, and what to write about the machine. */
import { readFileSync } from "node:fs"
import { cpus, release, totalmem } from "node:os"

const DEBIAN_PACKAGES = [
  ["wrk", "wrk"],
  ["nginx", "nginx-light"],
  ["gcc", "gcc"],
  ["taskset", "util-linux"],
] as const

/** What is missing, as sentences. */
export function missingTools(): readonly string[] {
  const missing = DEBIAN_PACKAGES.filter(([program]) => Bun.which(program) === null)
  const sentences = missing.map(([program]) => `${program} is not installed`)
  if (missing.length > 0) sentences.push(`on Debian: apt-get install ${missing.map(([, name]) => name).join(" ")}`)
  if (cpus().length < 2) sentences.push("two cores are needed: one for the server, one for the load")
  return sentences
}

/** Open files that a process of this run may have. */
export function openFileLimit(): number {
  const limit = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]
  return Number(limit ?? Number.POSITIVE_INFINITY)
}

export function machineLine(): string {
  const model = cpus()[0]?.model.trim() ?? "unknown CPU"
  const gigabytes = Math.round(totalmem() / 2 ** 30)
  return `${cpus().length} × ${model}, ${gigabytes} GB, Linux ${release()}, virtual machine: ${isVirtual() ? "yes" : "no"}`
}

function isVirtual(): boolean {
  return /^flags.*\bhypervisor\b/m.test(readFileSync("/proc/cpuinfo", "utf8"))
}

/** What the machine's cores have done since it started, in clock ticks. */
export interface CoreTicks {
  readonly busy: number
  readonly idle: number
  /** Taken by the host of a virtual machine. */
  readonly stolen: number
}

export function coreTicks(): CoreTicks {
  const fields = /^cpu +(.*)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1]?.split(" ").map(Number) ?? []
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, interrupts = 0, softInterrupts = 0, stolen = 0] = fields
  return { busy: user + nice + system + interrupts + softInterrupts, idle: idle + ioWait, stolen }
}

/** A sentence on what disturbed the run; `ownTicks` are the run's own. */
export function disturbance(from: CoreTicks, to: CoreTicks, ownTicks: number): string {
  const busy = to.busy - from.busy
  const stolen = to.stolen - from.stolen
  const all = busy + stolen + to.idle - from.idle
  const percent = (ticks: number): string => `${Math.max(0, Math.round((100 * ticks) / all))} %`
  return `other programs used ${percent(busy - ownTicks)} of the cores while it ran, the machine's host took ${percent(stolen)}`
}

/** wrk prints its version on its usage page, and ends with 1. */
export function wrkVersion(): string {
  const said = Bun.spawnSync(["wrk", "-v"])
  return /wrk \S+/.exec(said.stdout.toString() + said.stderr.toString())?.[0] ?? "wrk"
}

/** Compiles one of load/*.c. @throws Error with the compiler's words */
export function compile(source: string, program: string): void {
  const result = Bun.spawnSync(["gcc", "-O2", "-o", program, source])
  if (result.exitCode !== 0) throw new Error(`gcc cannot compile ${source}: ${result.stderr.toString()}`)
}
