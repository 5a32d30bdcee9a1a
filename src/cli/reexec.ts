/** Settings that the runtime reads only once, before any of our code runs. */

/** Bun's `fetch` allows 256 connections per process unless this variable is set when the process starts; it takes up to this number. */
const VARIABLE = "BUN_CONFIG_MAX_HTTP_REQUESTS"
const MOST_CONNECTIONS = "65336"

/** A compiled binary runs from a file system of its own: there, no script path stands among the arguments. */
const COMPILED_ROOT = "/$bunfs/"

/**
 * Replaces this process by itself with the connection limit lifted; returns where it is lifted already, or where the
 * system cannot replace a process. `bin/smart-router` sets the variable, so this costs a start only for the compiled binary
 * and for those who run `src/main.ts` by hand. Call it before anything is opened.
 */
export function ensureHttpLimit(): void {
  if (process.env[VARIABLE] !== undefined || process.execve === undefined) return
  const script = Bun.main.startsWith(COMPILED_ROOT) ? [] : [...process.execArgv, Bun.main]
  const environment = { ...process.env, [VARIABLE]: MOST_CONNECTIONS }
  process.execve(process.execPath, [process.execPath, ...script, ...process.argv.slice(2)], environment)
}
