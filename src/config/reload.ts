/** Takes a changed configuration while calls are in flight: whole, or not at all. */
import type { Log } from "../system/log.ts"
import type { Config } from "./config.ts"
import type { Reading } from "./load-apart.ts"
import { changedBetween, type Marks } from "./marks.ts"
import { watchFiles, type Stop, type WatchTools } from "./watch.ts"

/** Set up once when the process starts. */
const RESTART_KEYS = ["server.listen", "server.usage_db", "server.state", "server.workers", "server.logging"]

export interface ReloadOptions {
  /** What the process runs on. */
  readonly running: Reading & { readonly config: Config }
  /** While calls go on. */
  readonly load: () => Promise<Reading>
  /** Files whose change could help against what `apply` threw. */
  readonly filesBehind?: (error: unknown) => readonly string[]
  /** The digest of the text as it stands in the file now; null: it cannot be read. */
  readonly digest: () => string | null
  /** Puts the configuration into force; may name further files that it depends on. When it throws, the one before stays. */
  readonly apply: (config: Config, result: Reading) => Applied | Promise<Applied>
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
  const { log } = options
  const started = options.running.marks
  let current = kept(options.running, options.running.config, options.running.files)
  let refused: Refused | null = null
  let stopWatching: Stop | undefined
  let isClosed = false
  let isCatchingUp = false
  const reload = oneAtATime(async (): Promise<ReloadOutcome> => {
    const isRepeated = isCatchingUp
    isCatchingUp = false
    const result = await options.load()
    if (isClosed) return { is: "refused", reasons: ["The router is stopping."], digest: result.digest }
    const { config, refusal, files } = await attempted(options, result)
    if (config === null) {
      const next = refusedBy(result.digest, refusal, files, refused)
      if (!isRepeated || refused?.text !== next.text)
        log.error("the configuration is refused, the one before stays in force", { reasons: refusal })
      refused = next
      return { is: "refused", reasons: refusal, digest: result.digest }
    }
    const changed = changedBetween(current.marks, result.marks)
    const needRestart = RESTART_KEYS.filter((key) => started.get(key) !== result.marks.get(key))
    current = kept(result, config, files)
    refused = null
    log.info("the configuration is reloaded", { changed })
    if (needRestart.length > 0) log.warn("some changed keys need a restart", { keys: needRestart })
    adjustWatch()
    return { is: "applied", changed, needRestart, digest: result.digest }
  })

  const adjustWatch = (): void => {
    if (isClosed) return
    if (current.isWatched) {
      stopWatching ??= watchFiles(() => together(current, refused), request, options.watchTools, catchUp)
    } else {
      stopWatching?.()
      stopWatching = undefined
    }
  }
  /** A file may have changed between its reading and the first look at it. */
  const catchUp = (isFirst: boolean): void => {
    if (isClosed || (isFirst && options.digest() === current.digest)) return
    isCatchingUp = !isFirst
    request()
  }
  const request = (): void => {
    reload().catch((error: unknown) => log.error("the configuration could not be reloaded", { error }))
  }

  adjustWatch()
  const stopRequests = options.onRequest(request)
  return {
    reload,
    close() {
      isClosed = true
      stopRequests()
      stopWatching?.()
    },
  }
}

/** Whoever asks while it runs gets one more run, which all share that ask meanwhile. */
function oneAtATime<T>(run: () => Promise<T>): () => Promise<T> {
  let queue: Promise<unknown> = Promise.resolve()
  let waiting: Promise<T> | undefined
  return () => {
    if (waiting !== undefined) return waiting
    const next = queue.then(() => {
      waiting = undefined
      return run()
    })
    waiting = next
    queue = next.catch(() => undefined)
    return next
  }
}

interface Attempt {
  /** Null: it is not in force. */
  readonly config: Config | null
  readonly refusal: readonly string[]
  readonly files: readonly string[]
}

async function attempted({ apply, filesBehind }: ReloadOptions, result: Reading): Promise<Attempt> {
  const { config, files } = result
  if (config === null) return { config, refusal: reasonsOf(result), files }
  try {
    return { config, refusal: [], files: [...files, ...((await apply(config, result)) ?? [])] }
  } catch (error) {
    const refusal = [error instanceof Error ? error.message : String(error)]
    return { config: null, refusal, files: [...files, ...(filesBehind?.(error) ?? [])] }
  }
}

function reasonsOf(result: Reading): readonly string[] {
  return result.findings
    .filter((finding) => finding.severity === "error")
    .map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`)
}

/** What the newest text needs that could not be put into force. */
interface Refused {
  readonly digest: string
  readonly text: string
  readonly files: readonly string[]
}

function together(running: Kept, refused: Refused | null): readonly string[] {
  return refused === null ? running.files : [...new Set([...running.files, ...refused.files])]
}

/** Of several faults only one may be told at a time, so files stay as long as the text does. */
function refusedBy(
  digest: string,
  reasons: readonly string[],
  files: readonly string[],
  before: Refused | null,
): Refused {
  const known = before?.digest === digest ? before.files : []
  return { digest, text: reasons.join("\n"), files: [...new Set([...known, ...files])] }
}

interface Kept {
  readonly digest: string
  readonly marks: Marks
  readonly files: readonly string[]
  readonly isWatched: boolean
}

/** The configuration itself, which may be large, is not. */
function kept({ marks, digest }: Reading, { server }: Config, files: readonly string[]): Kept {
  return { marks, digest, files, isWatched: server.watch_config }
}
