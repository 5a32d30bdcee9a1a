/** Runs of retention, each in a thread of its own that ends with it. */
import { Worker } from "node:worker_threads"
import type { CubeAddress } from "../ledger/cube/connection.ts"
import type { RunProgress, RunReport, RunRules } from "../ledger/retention/rules.ts"
import { canOpen, THREAD_DESCRIPTORS } from "../system/descriptors.ts"

export interface RetentionOrder {
  readonly address: CubeAddress
  readonly rules: RunRules
  /** Unix milliseconds: by the clock of the process. */
  readonly nowMs: number
}

export type RetentionReply =
  | { readonly progress: RunProgress }
  /** Null: another process runs retention. */
  | { readonly report: RunReport | null }
  | { readonly failure: string }

/** Inside the binary, the bundle stands above the folders (see scripts/build.ts). */
const THREAD = import.meta.url.includes("/$bunfs/") ? "./reports/retention-thread.ts" : "./retention-thread.ts"

/**
 * Resolves with what the run did, also where it failed on its way; null: another process runs retention. A run that is
 * aborted ends behind its batch. Rejects where the database cannot be opened, or the process has no room for a thread.
 */
export async function retain(
  order: RetentionOrder,
  onProgress: (progress: RunProgress) => void,
  signal?: AbortSignal,
): Promise<RunReport | null> {
  if (!canOpen(THREAD_DESCRIPTORS)) throw new Error("the process has no file descriptors left for a thread")
  const { promise, resolve, reject } = Promise.withResolvers<RunReport | null>()
  const worker = new Worker(new URL(THREAD, import.meta.url))
  const stop = (): void => worker.postMessage("stop")
  worker.on("message", (reply: RetentionReply) => {
    if ("progress" in reply) onProgress(reply.progress)
    else if ("report" in reply) resolve(reply.report)
    else reject(new Error(reply.failure))
  })
  const ended = (): void => reject(new Error("the thread of retention has ended"))
  worker.on("error", reject)
  worker.on("exit", ended)
  signal?.addEventListener("abort", stop)
  try {
    worker.postMessage(order)
    if (signal?.aborted === true) stop()
    return await promise
  } finally {
    signal?.removeEventListener("abort", stop)
    await worker.terminate()
  }
}
