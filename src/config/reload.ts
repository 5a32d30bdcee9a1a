/** Takes a changed configuration while calls are in flight: whole, or not at all. */
import { isDeepStrictEqual } from "node:util"
import type { Log } from "../system/log.ts"
import type { Config } from "./config.ts"
import type { LoadResult } from "./load.ts"
import { watchFiles, type Stop, type WatchTools } from "./watch.ts"

/** Set up once when the process starts. */
const RESTART_KEYS = ["listen", "usage_db", "state", "workers", "logging"] as const

export interface ReloadOptions {
  /** What the process runs on. */
  readonly running: LoadResult & { readonly config: Config }
  readonly load: () => LoadResult
  /** Puts the configuration into force; may name further files that it depends on. When it throws, the one before stays. */
  readonly apply: (config: Config, result: LoadResult) => Applied | Promise<Applied>
  readonly log: Log
  /** Calls the listener whenever someone asks for a reload (SIGHUP). */
  readonly onRequest: (listener: () => void) => Stop
  readonly watchTools: WatchTools
}

type Applied = readonly string[] | void

/** `digest`: of the text that was read. */
export type ReloadOutcome = { readonly digest: string } & (
  | { readonly is: "applied"; readonly changed: readonly string[]; readonly needRestart: readonly string[] }
  | { readonly is: "refused"; readonly reasons: readonly string[] }
)

export interface Reloader {
  /** One reload at a time: a request during a reload leads to one more. */
  reload(): Promise<ReloadOutcome>
  close(): void
}

export function startReloading(options: ReloadOptions): Reloader {
  const { running, log } = options
  let current = running
  let queue: Promise<unknown> = Promise.resolve()
  let waiting: Promise<ReloadOutcome> | undefined
  let stopWatching: Stop | undefined
  const once = async (): Promise<ReloadOutcome> => {
    waiting = undefined
    const result = options.load()
    const config = result.config
    const { refusal, files } =
      config === null ? { refusal: reasonsOf(result), files: [] } : await attempted(options, config, result)
    if (config === null || refusal.length > 0) {
      log.error("the configuration is refused, the one before stays in force", { reasons: refusal })
      return { is: "refused", reasons: refusal, digest: result.digest }
    }
    const changed = changedKeys(current.config, config)
    const needRestart = RESTART_KEYS.filter(
      (key) => !isDeepStrictEqual(running.config.server[key], config.server[key]),
    ).map((key) => `server.${key}`)
    current = { ...result, config, files }
    log.info("the configuration is reloaded", { changed })
    if (needRestart.length > 0) log.warn("some changed keys need a restart", { keys: needRestart })
    adjustWatch()
    return { is: "applied", changed, needRestart, digest: result.digest }
  }

  const reload = (): Promise<ReloadOutcome> => {
    if (waiting !== undefined) return waiting
    const next = queue.then(once)
    waiting = next
    queue = next.catch(() => undefined)
    return next
  }

  const adjustWatch = (): void => {
    const wanted = current.config.server.watch_config
    if (wanted) {
      stopWatching ??= watchFiles(() => current.files, request, options.watchTools)
    } else {
      stopWatching?.()
      stopWatching = undefined
    }
  }
  const request = (): void => {
    reload().catch((error: unknown) => log.error("the configuration could not be reloaded", { error }))
  }

  adjustWatch()
  const stopRequests = options.onRequest(request)
  return {
    reload,
    close() {
      stopRequests()
      stopWatching?.()
    },
  }
}

interface Attempt {
  /** Empty: the configuration is in force. */
  readonly refusal: readonly string[]
  readonly files: readonly string[]
}

async function attempted({ apply }: ReloadOptions, config: Config, result: LoadResult): Promise<Attempt> {
  try {
    return { refusal: [], files: [...result.files, ...((await apply(config, result)) ?? [])] }
  } catch (error) {
    return { refusal: [error instanceof Error ? error.message : String(error)], files: [] }
  }
}

function reasonsOf(result: LoadResult): readonly string[] {
  return result.findings
    .filter((finding) => finding.severity === "error")
    .map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`)
}

/** Names of keys, never values: `server.upstream`, `providers.alpha`, `callers`. */
function changedKeys(before: Config, after: Config): readonly string[] {
  return [
    ...changedEntries("server", { ...before.server }, { ...after.server }),
    ...changedEntries("providers", before.providers, after.providers),
    ...changedEntries("models", before.models, after.models),
    ...(["users", "projects", "project_memberships", "callers"] as const).filter(
      (key) => !isDeepStrictEqual(before[key], after[key]),
    ),
  ]
}

function changedEntries(
  section: string,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): readonly string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names.filter((name) => !isDeepStrictEqual(before[name], after[name])).map((name) => `${section}.${name}`)
}
