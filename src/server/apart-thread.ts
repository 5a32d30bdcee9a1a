/** The thread in which work on large requests and answers is done, one job after the other. */
import { parentPort } from "node:worker_threads"
import type { Means } from "../dialects/answer-needs.ts"
import { RouterError } from "../errors.ts"
import { tellError, type JobName, type Order, type ToldError } from "../pipeline/apart/apart.ts"
import { JOBS } from "../pipeline/apart/jobs.ts"
import { meansOf } from "../pipeline/translation/translate.ts"
import { systemClock } from "../system/clock.ts"
import { systemRandom } from "../system/random.ts"

export interface Job {
  readonly name: JobName
  readonly bytes: Uint8Array
  readonly order: Order<JobName>
}

export type Report =
  | { readonly is: "done"; readonly result: unknown }
  | { readonly is: "refused"; readonly error: ToldError }
  | { readonly is: "failed"; readonly message: string; readonly stack: string | undefined }

type Work = (bytes: Uint8Array, order: unknown, means: Means) => unknown

const means = meansOf({ random: systemRandom(), clock: systemClock })

parentPort?.on("message", ({ name, bytes, order }: Job) => {
  const report = done(JOBS[name] as Work, bytes, order)
  parentPort?.postMessage(report, report.is === "done" ? buffersIn(report.result) : [])
})

function done(work: Work, bytes: Uint8Array, order: unknown): Report {
  try {
    return { is: "done", result: work(bytes, order, means) }
  } catch (error) {
    if (error instanceof RouterError) return { is: "refused", error: tellError(error) }
    const { message, stack } = error instanceof Error ? error : new Error(String(error))
    return { is: "failed", message, stack }
  }
}

/** They go over as they are: of a result, or of its members. A buffer that holds more than that is copied. */
function buffersIn(result: unknown): ArrayBuffer[] {
  if (result instanceof Uint8Array)
    return result.byteLength === result.buffer.byteLength ? [result.buffer as ArrayBuffer] : []
  if (typeof result !== "object" || result === null) return []
  const members: readonly unknown[] = Object.values(result)
  return members.flatMap((member) => (member instanceof Uint8Array ? buffersIn(member) : []))
}
