/**
 * Notices when files change, by looking at them once in a while: that also sees editors that replace a file, links that
 * are swapped (Kubernetes), file systems that send no events, and files that appear only later.
 */
import type { Clock } from "../../system/clock.ts"
import { fingerprint } from "../read/file-prints.ts"

export interface Pace {
  readonly everyMs: number
  /** A change counts after so many looks that find nothing new. */
  readonly stillLooks: number
}

/** Programs that write in place pause between the parts of a file: only a file that stands still for so long is whole. */
export const CALM: Pace = { everyMs: 1000, stillLooks: 2 }
/** For a file that tells by itself whether it is whole. */
export const QUICK: Pace = { everyMs: 250, stillLooks: 1 }

export type Stop = () => void

export interface WatchTools {
  /** Runs `action` every `intervalMs` until stopped; a run may take longer than the interval. */
  readonly every: (intervalMs: number, action: () => Promise<void>) => Stop
  readonly fingerprint: (path: string) => Promise<string>
}

/** The fingerprint that each file had when it was read; null: it is not known. */
export type FilesRead = ReadonlyMap<string, string | null>

export function systemWatchTools(clock: Clock): WatchTools {
  return {
    every(intervalMs, action) {
      const timer = clock.every(intervalMs, () => void action())
      timer.unref()
      return () => timer.close()
    },
    fingerprint,
  }
}

/**
 * Calls `changed` once a file differs from what was read and all files then stood still for some looks: a file that is still
 * being written is left alone. `files` is asked at every look, since a new configuration may name others. `entered`: a file
 * whose fingerprint at its reading is not known came under watch; from now on no change of it is missed.
 */
export function watchFiles(
  files: () => FilesRead,
  changed: () => void,
  tools: WatchTools,
  entered: () => void = () => {},
  { everyMs, stillLooks: neededLooks }: Pace = CALM,
): Stop {
  const firstSeen = new Map<string, string>()
  let told = new Map<string, { readonly now: string; readonly read: string }>()
  let last = new Map<string, string>()
  let stillLooks = 0
  let running: Promise<void> | undefined
  const lookOnce = async (): Promise<void> => {
    const read = files()
    const now = new Map<string, string>()
    await Promise.all([...read.keys()].map(async (path) => now.set(path, await tools.fingerprint(path))))
    for (const path of firstSeen.keys()) if (read.get(path) !== null) firstSeen.delete(path)
    const strangers = [...read].filter(([path, print]) => print === null && !firstSeen.has(path))
    for (const [path] of strangers) firstSeen.set(path, now.get(path) ?? "")
    const states = [...read].map(([path, print]) => ({
      path,
      now: now.get(path) ?? "",
      read: print ?? firstSeen.get(path) ?? "",
    }))
    const isNews = states.some((state) => {
      const before = told.get(state.path)
      return state.now !== state.read && (before?.now !== state.now || before.read !== state.read)
    })
    stillLooks = states.every((state) => last.get(state.path) === state.now) ? stillLooks + 1 : 0
    last = now
    if (isNews && stillLooks >= neededLooks) {
      told = new Map(states.map((state) => [state.path, state]))
      for (const path of firstSeen.keys()) firstSeen.set(path, now.get(path) ?? "")
      changed()
    } else if (!isNews && strangers.length > 0) entered()
  }
  const look = (): Promise<void> => {
    running ??= lookOnce().finally(() => {
      running = undefined
    })
    return running
  }
  void look()
  return tools.every(everyMs, look)
}
