/** Reading a large configuration takes seconds: whoever looks at a terminal is told. */
import { statSync } from "node:fs"
import { loadConfig, type LoadOptions, type LoadResult } from "../config/load.ts"
import { fileRead, withCallers, type Reading } from "../config/reading.ts"
import { Progress } from "./progress.ts"

/** About three thousand callers: from here on it takes more than a second. */
const LARGE_BYTES = 1 << 20

/** As `loadConfig`. */
export function loadShown(options: LoadOptions, progress: Pick<Progress, "show" | "end"> = new Progress()): LoadResult {
  const size = statSync(options.path, { throwIfNoEntry: false })?.size ?? 0
  if (size > LARGE_BYTES) progress.show(0, `reading ${options.path} (${(size / LARGE_BYTES).toFixed(1)} MiB)`)
  try {
    return loadConfig(options)
  } finally {
    progress.end()
  }
}

/** As `readConfiguration`. */
export function readShown(options: LoadOptions): Promise<Reading> {
  return withCallers(fileRead(loadShown(options)), options)
}
