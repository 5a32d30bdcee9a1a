/** Takes a changed configuration while calls are in flight: whole, or not at all. */
import type { Log } from "../../system/log.ts"
import type { Config } from "../config.ts"
import type { CallersRead } from "../callers.ts"
import { isSameFile } from "../read/file-prints.ts"
import { changedBetween, type Marks } from "./marks.ts"
import type { Reading } from "../reading.ts"
import { QUICK, watchFiles, type FilesRead, type Stop, type WatchTools } from "./watch.ts"

/** Set up once when the process starts. */
const RESTART_KEYS = ["server.listen", "server.usage_db", "server.state", "server.workers", "server.logging"]

export interface ReloadOptions {
  /** What the process runs on. */
  readonly running: UsableReading
  /** While calls go on. What stayed as it was in `before` may be taken over. */
  readonly load: (before: CallersRead) => Promise<Reading>
  /** Files whose change could help against what `apply` threw. */
  readonly filesBehind?: (error: unknown) => readonly string[]
  /** Puts the configuration into force; may name further files that it depends on. When it throws, the one before stays. */
  readonly apply: (result: UsableReading) => Applied | Promise<Applied>
  readonly log: Log
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Calls the listener whenever someone asks for a reload (SIGHUP). */
  readonly onRequest: (listener: () => void) => Stop
  readonly watchTools: WatchTools
}

export type UsableReading = Reading & { readonly config: Config; readonly callers: CallersRead }

type Applied = readonly string[] | void

/** `digest`: of the text that was read. */
export type ReloadOutcome = { readonly digest: string } & (
  | { readonly is: "applied"; readonly changed: readonly string[]; readonly needRestart: readonly string[] }
  | { readonly is: "refused"; readonly reasons: readonly string[] }
)

/** Times are epoch milliseconds. */
export interface ReloadStatus {
  /** When the configuration that is in force was taken. */
  readonly takenMs: number
  /** The newest attempt, where it was refused. */
  readonly refused: { readonly atMs: number; readonly reasons: readonly string[] } | null
}

export interface Reloader {
  status(): ReloadStatus
  /** One reload at a time: a request during a reload leads to one more. */
  reload(): Promise<ReloadOutcome>
  close(): void
}

export function startReloading(options: ReloadOptions): Reloader {
  const { log } = options
  const { marks: started, files } = options.running
  const state: State = {
    current: kept(options.running, readBy(options.running, files)),
    refused: null,
    status: { takenMs: options.now(), refused: null },
  }
  let read = state.current.files
  let stopWatching: Stop | undefined
  let stopWatchingCallers: Stop | undefined
  let isClosed = false
  let isCatchingUp = false
  const reload = oneAtATime(async (): Promise<ReloadOutcome> => {
    const isRepeated = isCatchingUp
    isCatchingUp = false
    const result = await options.load(state.current.callers)
    if (isClosed) return { is: "refused", reasons: ["The router is stopping."], digest: result.digest }
    const attempt = await attempted(options, result, state.current)
    const outcome =
      attempt.taken === null
        ? refuse(state, attempt, result, isRepeated, options)
        : take(state, attempt.taken, attempt.files, isRepeated, started, options)
    read = new Map([...state.current.files, ...(state.refused?.files ?? [])])
    watchIfAsked()
    return outcome
  })

  const watchIfAsked = (): void => {
    if (isClosed || !state.current.isWatched) return
    const { watchTools } = options
    stopWatching ??= watchFiles(() => without(read, state.current.callersFile), request, watchTools, catchUp)
    if (state.current.callersFile === null) return
    stopWatchingCallers ??= watchFiles(() => only(read, state.current.callersFile), request, watchTools, catchUp, QUICK)
  }
  /** A file may have changed between its reading and the first look at it. */
  const catchUp = (): void => {
    isCatchingUp = true
    request()
  }
  const request = (): void => {
    if (isClosed) return
    reload().catch((error: unknown) => log.error("the configuration could not be reloaded", { error }))
  }

  watchIfAsked()
  const stopRequests = options.onRequest(request)
  return {
    reload,
    status: () => state.status,
    close() {
      isClosed = true
      stopRequests()
      stopWatching?.()
      stopWatchingCallers?.()
    },
  }
}

interface State {
  current: Kept
  refused: Refused | null
  status: ReloadStatus
}

type Tools = Pick<ReloadOptions, "log" | "now">

/** `isRepeated`: the same may have been told before. */
function refuse(
  state: State,
  { refusal, files }: Attempt,
  { digest }: Reading,
  isRepeated: boolean,
  { log, now }: Tools,
): ReloadOutcome {
  const next = refusedBy(digest, refusal, files, state.refused)
  if (!isRepeated || state.refused?.text !== next.text)
    log.error("the configuration is refused, the one before stays in force", { reasons: refusal })
  state.refused = next
  state.status = { ...state.status, refused: { atMs: now(), reasons: refusal } }
  return { is: "refused", reasons: refusal, digest }
}

function take(
  state: State,
  result: UsableReading,
  files: FilesRead,
  isRepeated: boolean,
  started: Marks,
  { log, now }: Tools,
): ReloadOutcome {
  const before = state.current
  const { config } = result
  const changed = changedBetween(before.marks, result.marks)
  const isUnwatched = before.isWatched && !config.server.watch_config
  const needRestart = [
    ...RESTART_KEYS.filter((key) => started.get(key) !== result.marks.get(key)),
    ...(isUnwatched ? ["server.watch_config"] : []),
  ]
  const isNews = changed.length > 0 || state.refused !== null || !isRepeated
  if (isNews) log.info("the configuration is reloaded", { changed })
  if (isNews && needRestart.length > 0) log.warn("some changed keys need a restart", { keys: needRestart })
  const next = kept(result, files)
  // a file that is half written may lack the key
  state.current = { ...next, isWatched: before.isWatched || next.isWatched }
  state.refused = null
  state.status = { takenMs: now(), refused: null }
  return { is: "applied", changed, needRestart, digest: result.digest }
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
  readonly taken: UsableReading | null
  readonly refusal: readonly string[]
  readonly files: FilesRead
}

async function attempted({ apply, filesBehind }: ReloadOptions, result: Reading, current: Kept): Promise<Attempt> {
  const { config, callers, files } = result
  if (config === null || callers === null)
    return { taken: null, refusal: reasonsOf(result), files: readBy(result, files) }
  const usable = { ...result, config, callers }
  const missing = emptied(current, usable)
  if (missing.length > 0) return { taken: null, refusal: missing, files: readBy(result, files) }
  try {
    const further = (await apply(usable)) ?? []
    return { taken: usable, refusal: [], files: readBy(result, [...files, ...further]) }
  } catch (error) {
    const refusal = [error instanceof Error ? error.message : String(error)]
    return { taken: null, refusal, files: readBy(result, [...files, ...(filesBehind?.(error) ?? [])]) }
  }
}

/** A file that is being written, or was emptied by mistake, is often valid. */
function emptied(current: Kept, next: UsableReading): readonly string[] {
  const lost = [
    ...(current.callers.count > 0 && next.callers.count === 0 ? ["callers"] : []),
    ...(current.hasGroups && Object.keys(next.config.models).length === 0 ? ["models"] : []),
    ...(current.callersFile !== null && next.config.callers_file === undefined ? ["callers_file"] : []),
  ]
  return [
    ...lost.map(
      (section) => `${section}: there are none any more. A running router takes no such change; a restart does.`,
    ),
    ...lostCallers(current, next),
  ]
}

/** The lines that a file lacks may be those that are still to be written. */
function lostCallers({ callersFile, files }: Kept, next: UsableReading): readonly string[] {
  if (callersFile === null || next.config.callers_file !== callersFile) return []
  if (!isSameFile(files.get(callersFile) ?? "", next.prints.get(callersFile) ?? "")) return []
  const { count, example } = next.callers.lost
  if (count === 0) return []
  const names = `${count} callers, such as ${JSON.stringify(example)}`
  return [
    `callers_file: it lacks ${names}, and was written in place: a file that is not whole yet looks like this. Write another file and give it this name, or keep their lines with "status":"removed".`,
  ]
}

function only(files: FilesRead, path: string | null): FilesRead {
  return new Map([...files].filter(([file]) => file === path))
}

function without(files: FilesRead, path: string | null): FilesRead {
  return new Map([...files].filter(([file]) => file !== path))
}

function readBy({ prints }: Reading, files: readonly string[]): FilesRead {
  return new Map(files.map((file) => [file, prints.get(file) ?? null]))
}

function reasonsOf(result: Reading): readonly string[] {
  return result.findings
    .filter((finding) => finding.severity === "error")
    .map(({ line, column, path, message, nearest }) => {
      const meant = nearest === undefined ? "" : ` Did you mean ${JSON.stringify(nearest)}?`
      return `${line}:${column} ${path}: ${message}${meant}`
    })
}

/** What the newest text needs that could not be put into force. */
interface Refused {
  readonly digest: string
  readonly text: string
  readonly files: FilesRead
}

/** Of several faults only one may be told at a time, so files stay as long as the text does. */
function refusedBy(digest: string, reasons: readonly string[], files: FilesRead, before: Refused | null): Refused {
  const known = before?.digest === digest ? before.files : []
  return { digest, text: reasons.join("\n"), files: new Map([...known, ...files]) }
}

interface Kept {
  readonly marks: Marks
  readonly files: FilesRead
  readonly isWatched: boolean
  readonly callers: CallersRead
  readonly callersFile: string | null
  readonly hasGroups: boolean
}

/** The configuration itself, which may be large, is not. */
function kept({ marks, config, callers }: UsableReading, files: FilesRead): Kept {
  return {
    marks,
    files,
    isWatched: config.server.watch_config,
    callers,
    callersFile: config.callers_file ?? null,
    hasGroups: Object.keys(config.models).length > 0,
  }
}
