/** CPU time and memory of a process and all its descendants, from /proc. */
import { readdirSync, readFileSync } from "node:fs"

const TICKS_PER_SECOND = Number(Bun.spawnSync(["getconf", "CLK_TCK"]).stdout.toString())

/** User and system time of the tree so far, in microseconds. */
export function cpuMicroseconds(root: number): number {
  let ticks = 0
  for (const pid of treeOf(root)) ticks += sumOf(pid, UTIME, STIME)
  return (ticks * 1e6) / TICKS_PER_SECOND
}

/** The same in clock ticks, with that of descendants that have ended. */
export function cpuTicksWithEnded(root: number): number {
  let ticks = 0
  for (const pid of treeOf(root)) ticks += sumOf(pid, UTIME, STIME, ENDED_UTIME, ENDED_STIME)
  return ticks
}

/** Fields of /proc/<pid>/stat, counted from behind the command name. */
const UTIME = 11
const STIME = 12
const ENDED_UTIME = 13
const ENDED_STIME = 14

function sumOf(pid: number, ...fields: readonly number[]): number {
  // the command name stands in parentheses and may hold spaces
  const values = readProc(`${pid}/stat`).split(") ").at(-1)?.split(" ") ?? []
  return fields.reduce((sum, field) => sum + Number(values[field] ?? 0), 0)
}

/** Resident memory of the tree, in megabytes of 2^20 bytes. */
export function residentMegabytes(root: number): number {
  let kilobytes = 0
  for (const pid of treeOf(root)) kilobytes += Number(/VmRSS:\s+(\d+)/.exec(readProc(`${pid}/status`))?.[1] ?? 0)
  return kilobytes / 1024
}

function treeOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(treeOf)]
}

function childrenOf(pid: number): number[] {
  let threads: string[]
  try {
    threads = readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
  return threads.flatMap((thread) =>
    readProc(`${pid}/task/${thread}/children`)
      .split(" ")
      .filter((text) => text !== "")
      .map(Number),
  )
}

/** Empty when the process is gone. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "utf8").trim()
  } catch {
    return ""
  }
}
