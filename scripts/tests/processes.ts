/** Finds and ends the processes that a test run leaves behind. Linux only, as the product. */
import { dlopen, FFIType } from "bun:ffi"
import { readdirSync, readFileSync } from "node:fs"

const PR_SET_CHILD_SUBREAPER = 36

/** Processes below this one whose parents end become children of this one, so that `descendants` still finds them. */
export function adoptOrphans(): void {
  for (const library of ["libc.so.6", "libc.so", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`]) {
    try {
      const { symbols } = dlopen(library, { prctl: { args: [FFIType.int, FFIType.u64], returns: FFIType.int } })
      symbols.prctl(PR_SET_CHILD_SUBREAPER, 1)
      return
    } catch {
      // another C library
    }
  }
}

export interface Process {
  readonly pid: number
  readonly command: string
}

/** All processes below this one, without the dead that nobody has collected. */
export function descendants(): Process[] {
  const children = new Map<number, Process[]>()
  for (const entry of readdirSync("/proc")) {
    const found = /^\d+$/u.test(entry) ? processOf(Number(entry)) : null
    if (found === null) continue
    children.set(found.parent, [...(children.get(found.parent) ?? []), found])
  }
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

function processOf(pid: number): (Process & { readonly parent: number }) | null {
  try {
    // The second field may hold spaces and parentheses: what follows the last one is regular.
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    if (state === "Z") return null
    const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim()
    return { pid, parent: Number(parent), command: command.slice(0, 200) }
  } catch {
    return null
  }
}
