/** How many files and sockets this process may hold open at once. The runtime has raised the soft limit to the hard one. */
import { closeSync, openSync, readFileSync } from "node:fs"

/** Where the system does not say: what macOS gives a process at least. */
const USUAL = 10_240
/** More than a thread needs to start, and to open what it works on. Without any the runtime ends the process. */
export const THREAD_DESCRIPTORS = 16

export function mostDescriptors(): number {
  try {
    const limit = /^Max open files +(\d+|unlimited)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1]
    return limit === undefined || limit === "unlimited" ? USUAL : Number(limit)
  } catch {
    return USUAL
  }
}

/** Can the process open a file or a socket at this moment? The runtime reports a connection that fails for want of one as refused. */
export function canOpenAnother(): boolean {
  return canOpen(1)
}

/** Can the process open so many files or sockets at this moment? */
export function canOpen(count: number): boolean {
  const opened: number[] = []
  try {
    while (opened.length < count) opened.push(openSync("/dev/null", "r"))
    return true
  } catch (error) {
    const { code } = error as { readonly code?: string }
    return code !== "EMFILE" && code !== "ENFILE"
  } finally {
    for (const descriptor of opened) closeSync(descriptor)
  }
}
