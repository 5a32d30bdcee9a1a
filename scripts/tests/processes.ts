/** Finds and ends the processes that a test run leaves behind. Linux only, as the product. */
import { dlopen, FFIType } from "bun:ffi"
import { readdirSync, readFileSync } from "node:fs"

const PR_SET_CHILD_SUBREAPER = 36
const WNOHANG = 1
const LIBRARIES = ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`]

const library = openLibrary()

/** Processes below this one whose parents end become children of this one, so that `descendants` still finds them. */
export function adoptOrphans(): void {
  library?.prctl(PR_SET_CHILD_SUBREAPER, 1)
}

/** Collects the dead among the adopted orphans, as init would; `own` is the child that the runtime waits for. */
export function reapOrphans(own: number): void {
  for (const { pid, parent, isDead } of allProcesses())
    if (isDead && parent === process.pid && pid !== own) library?.waitpid(pid, null, WNOHANG)
}

function openLibrary() {
  const { int, u64, ptr } = FFIType
  const functions = {
    prctl: { args: [int, u64], returns: int },
    waitpid: { args: [int, ptr, int], returns: int },
  } as const
  for (const name of LIBRARIES) {
    try {
      return dlopen(name, functions).symbols
    } catch {
      // another C library
    }
  }
  return null
}

export interface Process {
  readonly pid: number
  readonly command: string
}

/** All processes below this one, without the dead that nobody has collected. */
export function descendants(): Process[] {
  const children = Map.groupBy(
    allProcesses().filter(({ isDead }) => !isDead),
    ({ parent }) => parent,
  )
  const below = (pid: number): Process[] => (children.get(pid) ?? []).flatMap((child) => [child, ...below(child.pid)])
  return below(process.pid)
}

export function kill(processes: readonly Process[]): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, "SIGKILL")
    } catch {
      // it is gone already
    }
  }
}

interface Found extends Process {
  readonly parent: number
  readonly isDead: boolean
}

function allProcesses(): Found[] {
  const entries = readdirSync("/proc").filter((entry) => /^\d+$/u.test(entry))
  return entries.map((entry) => processOf(Number(entry))).filter((found) => found !== null)
}

function processOf(pid: number): Found | null {
  try {
    // The second field may hold spaces and parentheses: the fields behind the last one are regular.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim()
    return { pid, parent: Number(parent), isDead: state === "Z", command: command.slice(0, 200) }
  } catch {
    return null
  }
}
