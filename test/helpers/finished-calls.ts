/** A client that notes which of its calls ended: each of them must have its row. */
import { expect } from "bun:test"
import { readAnswer } from "./client.ts"
import type { Gateway } from "./gateway.ts"
import type { RouterProcess } from "./router-process.ts"
import type { Sample } from "./samples.ts"
import { ALL_SAMPLES } from "./samples.ts"
import { terminalsOf } from "./streams.ts"

/**
 * Calls in all dialects, unary and streamed, until the router is gone or it is enough.
 * Returns the ids of the calls whose end was seen.
 */
export async function finishedCalls(
  gateway: Gateway,
  worker: number,
  isEnough: () => boolean,
): Promise<readonly string[]> {
  const finished: string[] = []
  for (let number = worker; !isEnough(); number += 1) {
    const sample = ALL_SAMPLES[number % ALL_SAMPLES.length]!
    const streamed = number % 2 === 0
    try {
      const answer = await readAnswer(await gateway.open(sample.dialect, sample.request({ stream: streamed })))
      expect(answer.status).toBe(200)
      if (sawEnd(sample, streamed, answer)) finished.push(answer.requestId)
      if (answer.broken) return finished
    } catch (failure) {
      if (failure instanceof Error && "code" in failure) return finished
      throw failure
    }
  }
  return finished
}

/** Calls of so many workers until the router is killed, which is when `killWhen` settles. The ids of the calls whose end was seen. */
export async function finishedBeforeKill(
  router: RouterProcess,
  workers: number,
  killWhen: Promise<unknown>,
): Promise<readonly string[]> {
  const working = Promise.all(
    Array.from({ length: workers }, (_, worker) => finishedCalls(router, worker, () => false)),
  )
  try {
    await Promise.race([killWhen, working])
  } finally {
    router.signal("SIGKILL")
    await router.exited
  }
  return (await working).flat()
}

/** A stream has ended for its client with its terminal event, even if the connection breaks right after it. */
function sawEnd(
  sample: Sample,
  streamed: boolean,
  answer: { readonly text: string; readonly broken: boolean },
): boolean {
  return streamed
    ? terminalsOf(sample.dialect, answer.text).length === 1
    : !answer.broken && answer.text === sample.unary()
}
