/**
 * How commands on the same machine reach the running router: a Unix socket beside the usage database. Only its owner can
 * open it, a process that is gone does not answer on it, and it works where process ids do not (containers).
 * One line in, one JSON line out.
 */
import { rmSync, unlinkSync } from "node:fs"
import type { ReloadOutcome } from "../config/reload/reload.ts"
import type { Log } from "../system/log.ts"
import { isCode } from "../system/owner-only.ts"

/** The answer to `reload`: sent once the configuration is in force, or refused. */
export interface ControlAnswer {
  readonly pid: number
  readonly outcome: ReloadOutcome
}

/** The answer to `metrics`. */
export interface MetricsAnswer {
  /** As a scrape gets it. */
  readonly text: string
}

export interface ControlOptions {
  readonly path: string
  /** By the word that is asked; an answer is sent as JSON. */
  readonly answers: Readonly<Record<string, () => Promise<object>>>
  readonly log: Log
}

export interface Control {
  close(): void
}

export const RELOAD = "reload"
export const STATUS = "status"
/** The metrics of all workers, or of the one that is asked. */
export const METRICS = "metrics"
/** What calls in flight hold of limits. */
export const HELD = "held"
const LONGEST_REQUEST = 64
const MOST_REASONS = 20
/** Read and write for the owner, nothing for others. */
const OTHERS_MASK = 0o177

/** Of the router as a whole; each of several workers has one of its own beside it. */
export function controlPath(usageDbPath: string): string {
  return `${usageDbPath}.control`
}

/** A router that cannot have the socket serves all the same: SIGHUP is left. */
export async function openControl(options: ControlOptions): Promise<Control> {
  const { path, log } = options
  try {
    if (await isLeftover(path)) unlinkSync(path)
    return listenAt(options)
  } catch (error) {
    log.warn("commands cannot reach this router, only signals can: it cannot have the control socket", { path, error })
    return { close: () => {} }
  }
}

/** Long lists of reasons are cut. */
export function reloadAnswer(outcome: ReloadOutcome): ControlAnswer {
  const shown = outcome.is === "refused" ? { ...outcome, reasons: outcome.reasons.slice(0, MOST_REASONS) } : outcome
  return { pid: process.pid, outcome: shown }
}

interface Conversation {
  request: string
  /** What the socket has not taken yet of the answer; null: there is none yet. */
  rest: Uint8Array | null
}

function listenAt({ path, answers, log }: ControlOptions): Control {
  const umask = process.umask(OTHERS_MASK)
  try {
    const listener = Bun.listen<Conversation>({
      unix: path,
      socket: {
        open(socket) {
          socket.data = { request: "", rest: null }
        },
        data(socket, bytes) {
          const { data } = socket
          data.request += bytes.toString("latin1")
          const word = data.request.endsWith("\n") ? data.request.slice(0, -1) : ""
          const asked = Object.hasOwn(answers, word) ? answers[word] : undefined
          if (asked !== undefined) void answer(socket, asked, log)
          else if (data.request.includes("\n") || data.request.length > LONGEST_REQUEST) socket.end()
        },
        drain: (socket) => write(socket),
      },
    })
    listener.unref()
    const close = (): void => {
      listener.stop(true)
      rmSync(path, { force: true })
    }
    return { close }
  } finally {
    process.umask(umask)
  }
}

async function answer(socket: Bun.Socket<Conversation>, asked: () => Promise<object>, log: Log): Promise<void> {
  try {
    socket.data.rest = Buffer.from(`${JSON.stringify(await asked())}\n`)
    write(socket)
  } catch (error) {
    log.error("a command got no answer", { error })
    socket.end()
  }
}

/** Ends the conversation once the socket has taken all: it takes no more at once than its buffer holds. */
function write(socket: Bun.Socket<Conversation>): void {
  const { rest } = socket.data
  if (rest === null) return
  const taken = socket.write(rest)
  if (taken < 0) return
  socket.data.rest = taken < rest.length ? rest.subarray(taken) : null
  if (socket.data.rest === null) socket.end()
}

/** Of a process that was killed: the file is there, and nobody answers. */
async function isLeftover(path: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix: path, socket: { data() {} } })
    socket.end()
    return false
  } catch (error) {
    return isCode(error, "ECONNREFUSED")
  }
}
