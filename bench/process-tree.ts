/** CPU time and memory of a process and all its descendants, from /proc. */
import { readdirSync, readFileSync } from "node:fs"

const TICKS_PER_SECOND = Number(Bun.spawnSync(["getconf", "CLK_TCK"]).stdout.toString())

/** User and system time of the tree so far, in microseconds. */
export function cpuMicroseconds(root: number): number {
  let ticks = 0
  for (const pid of treeOf(root)) {
    // the command name stands in parentheses and may hold spaces; utime and stime are fields 14 and 15
    const fields = readProc(`${pid}/stat`).split(") ").at(-1)?.split(" ") ?? []
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
  }
  return (ticks * 1e6) / TICKS_PER_SECOND
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
