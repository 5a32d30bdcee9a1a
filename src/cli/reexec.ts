import { systemClock } from "../system/clock.ts"
import { jsonLog } from "../system/log.ts"

/** Settings that the runtime reads only once, before any of our code runs. What the operator has set stays. */
export const RUNTIME_SETTINGS = {
  /** Bun's `fetch` allows 256 connections per process unless this is set; it takes up to this number. */
  BUN_CONFIG_MAX_HTTP_REQUESTS: "65336",
  /** Freed memory goes back to the system after so many ms: at once costs a system call and page faults in every few calls. */
  MIMALLOC_PURGE_DELAY: "1000",
  /**
   * The engine lets garbage grow with the memory of the machine; told 256 MB, it follows what is alive: 1,000 streams after
   * 1,000 others take 150 MB instead of 210. It is no limit.
   */
  BUN_JSC_forceRAMSize: "268435456",
} as const

export const OWN_SETTINGS: readonly string[] = Object.keys(RUNTIME_SETTINGS)
/** Read as early, and never wanted: it prints every request of `fetch`, keys and prompts included. */
const UNWANTED = ["BUN_CONFIG_VERBOSE_FETCH"]

/** A compiled binary runs from a file system of its own: there, no script path stands among the arguments. */
const COMPILED_ROOT = "/$bunfs/"

/**
 * Replaces this process by itself with the settings that are missing, and without what is unwanted. Returns where all is well, and where the system does
 * not replace a process: with a warning, and without the settings. `bin/smart-router` sets them, so this costs a start only for the compiled binary and for those who run
 * `src/main.ts` by hand. Call it before anything is opened.
 */
export function ensureRuntimeSettings(given: Readonly<Record<string, string | undefined>> = process.env): void {
  const isComplete = OWN_SETTINGS.every((name) => process.env[name] !== undefined)
  const isClean = UNWANTED.every((name) => process.env[name] === undefined)
  if ((isComplete && isClean) || process.execve === undefined) return
  const environment = Object.fromEntries(
    Object.entries({ ...RUNTIME_SETTINGS, ...given }).filter(([name]) => !UNWANTED.includes(name)),
  )
  try {
    process.execve(process.execPath, [...ownCommand(), ...process.argv.slice(2)], environment)
  } catch (error) {
    const message = `the process cannot replace itself: set ${OWN_SETTINGS.join(", ")} in the environment (docs/operations.md)`
    jsonLog(systemClock).warn(message, { error })
  }
}

/** What starts this program, without its arguments. */
export function ownCommand(): string[] {
  const script = Bun.main.startsWith(COMPILED_ROOT) ? [] : [...process.execArgv, Bun.main]
  return [process.execPath, ...script]
}
