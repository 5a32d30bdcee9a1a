/** Waits for what is decided beside calls. */
import { spyOn } from "bun:test"
import { Shadows } from "../../src/pipeline/rehearsal/shadow.ts"
import type { Decision } from "../../src/pipeline/call/decision.ts"
import { eventually } from "./client.ts"

export interface WatchedShadows extends Disposable {
  /** Until the shadow of each call that began has decided or failed. */
  done(): Promise<void>
}

/** Of the routers in this process, which notice nothing of it. */
export function watchShadows(): WatchedShadows {
  const spy = spyOn(Shadows.prototype, "start")
  const isDone = ({ shadow }: Decision): boolean => shadow !== null && (shadow.ranking ?? shadow.error) !== null
  return {
    done: async () => {
      await eventually(
        "the shadow's choice",
        () => spy.mock.calls.every(([, decision]) => isDone(decision)) || undefined,
      )
    },
    [Symbol.dispose]: () => spy.mockRestore(),
  }
}
