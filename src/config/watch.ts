/**
 * Notices when files change, by looking at them once in a while: that also sees editors that replace a file, links that
 * are swapped (Kubernetes), file systems that send no events, and files that appear only later.
 */
import { stat } from "node:fs/promises"
import type { Clock } from "../system/clock.ts"

export const LOOK_EVERY_MS = 1000

export type Stop = () => void

export interface WatchTools {
  /** Runs `action` every `intervalMs` until stopped; a run may take longer than the interval. */
  readonly every: (intervalMs: number, action: () => Promise<void>) => Stop
  /** What changes whenever the content behind a path may have changed; follows links. */
  readonly fingerprint: (path: string) => Promise<string>
}

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

export async function fingerprint(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path)
    return [dev, ino, size, mtimeMs, ctimeMs].join(":")
  } catch {
    return "absent"
  }
}

/**
 * Calls `changed` once the files have changed and then stood still for one look: a file that is still being written is
 * left alone. `files` is asked at every look, since a new configuration may name others. `entered`: from now on no change of
 * files that were not watched before is missed; `isFirst`: of none at all.
 */
export function watchFiles(
  files: () => readonly string[],
  changed: () => void,
  tools: WatchTools,
  entered: (isFirst: boolean) => void = () => {},
): Stop {
  let known = new Map<string, string>()
  let last = new Map<string, string>()
  let running: Promise<void> | undefined
  const lookOnce = async (): Promise<void> => {
    const paths = files()
    const prints = await Promise.all(paths.map((path) => tools.fingerprint(path)))
    const now = new Map(paths.map((path, index) => [path, prints[index] ?? ""]))
    const differs = paths.some((path) => known.has(path) && known.get(path) !== now.get(path))
    const still = paths.every((path) => last.get(path) === now.get(path))
    const hasNew = paths.some((path) => !known.has(path))
    const isFirst = known.size === 0
    if (!differs || still) known = now
    last = now
    if (differs && still) changed()
    else if (!differs && hasNew) entered(isFirst)
  }
  const look = (): Promise<void> => {
    running ??= lookOnce().finally(() => {
      running = undefined
    })
    return running
  }
  void look()
  return tools.every(LOOK_EVERY_MS, look)
}
