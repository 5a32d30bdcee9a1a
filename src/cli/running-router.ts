/** Tells the router that runs on a configuration to take what was written, and hears whether it did. */
import type { ReloadOutcome } from "../config/reload/reload.ts"
import { askSocket } from "../server/ask.ts"
import {
  controlPath,
  HELD,
  METRICS,
  RELOAD,
  STATUS,
  type ControlAnswer,
  type MetricsAnswer,
} from "../server/control.ts"
import type { HeldLimit } from "../server/held-limits.ts"
import type { RouterStatus } from "../server/status.ts"
import { systemClock } from "../system/clock.ts"
import { isCode } from "../system/owner-only.ts"

export type RouterAnswer =
  /** No router runs on this configuration, on this machine. */
  | { readonly is: "none" }
  | { readonly is: "taken"; readonly pid: number }
  | { readonly is: "refused"; readonly pid: number; readonly reasons: readonly string[] }
  /** The router that uses this usage database has read another text. */
  | { readonly is: "other-file"; readonly pid: number }
  | { readonly is: "unreachable"; readonly reason: string }

const PATIENCE_MS = 10_000

/** @param digest of the texts that were written */
export async function reloadRunningRouter(usageDbPath: string, digest: string): Promise<RouterAnswer> {
  const path = controlPath(usageDbPath)
  let line: string
  try {
    line = await ask(path, RELOAD)
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ECONNREFUSED")) return { is: "none" }
    const denied = isCode(error, "EACCES") || isCode(error, "EPERM")
    return { is: "unreachable", reason: denied ? `the permission to open ${path} is missing` : messageOf(error) }
  }
  try {
    const { pid, outcome } = answerOf(line)
    // the router reads no callers where it refuses the configuration itself
    if (outcome.digest === "" || !digest.startsWith(outcome.digest)) return { is: "other-file", pid }
    return outcome.is === "applied" ? { is: "taken", pid } : { is: "refused", pid, reasons: outcome.reasons }
  } catch {
    return { is: "unreachable", reason: "it did not say whether it took the configuration" }
  }
}

/** The word of one process. Rejects when there is none. */
export async function reloadProcess(socketPath: string): Promise<ReloadOutcome> {
  return answerOf(await ask(socketPath, RELOAD)).outcome
}

/** Rejects when there is no router. */
export async function statusAt(socketPath: string): Promise<RouterStatus> {
  return JSON.parse(await ask(socketPath, STATUS)) as RouterStatus
}

/** Rejects when there is no router, or its store of limits is away. */
export async function heldAt(socketPath: string): Promise<readonly HeldLimit[]> {
  return JSON.parse(await ask(socketPath, HELD)) as readonly HeldLimit[]
}

/** Rejects when there is no router. */
export async function metricsAt(socketPath: string): Promise<string> {
  return (JSON.parse(await ask(socketPath, METRICS)) as MetricsAnswer).text
}

function answerOf(line: string): ControlAnswer {
  return JSON.parse(line) as ControlAnswer
}

function ask(path: string, word: string): Promise<string> {
  return askSocket(path, word, PATIENCE_MS, systemClock)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** For people; of the file only its name is repeated. */
export function routerAnswerText(answer: RouterAnswer): string {
  if (answer.is === "none") return "No router runs on it here: it counts from the next start."
  if (answer.is === "taken") return `The running router (process ${answer.pid}) has taken it.`
  const before = "It goes on with the configuration before."
  if (answer.is === "refused") {
    return `The running router (process ${answer.pid}) refuses the configuration. ${before}\n${answer.reasons.map((reason) => `  ${reason}`).join("\n")}`
  }
  if (answer.is === "other-file")
    return `The router that uses its usage database (process ${answer.pid}) reads another file. Send that one SIGHUP once its file has the change.`
  return `The running router cannot be reached: ${answer.reason}. Send it SIGHUP.`
}
