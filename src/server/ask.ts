/** Asks a process through its control socket: one word, one line back. */

import type { Timers } from "../system/clock.ts"

/** Rejects with the system's error where there is no router, and where it does not answer in time. */
export function askSocket(path: string, word: string, patienceMs: number, timers: Timers): Promise<string> {
  const answer = Promise.withResolvers<string>()
  let text = ""
  const late = (): void => answer.reject(new Error(`it did not answer in ${patienceMs / 1000} s`))
  const timer = timers.after(patienceMs, late)
  const decoder = new TextDecoder()
  const connecting = Bun.connect({
    unix: path,
    socket: {
      open: (socket) => void socket.write(`${word}\n`),
      data(_socket, bytes) {
        text += decoder.decode(bytes, { stream: true })
      },
      close: () => answer.resolve(text),
      error: (_socket, error) => answer.reject(error),
    },
  })
  connecting.catch((error: unknown) => answer.reject(error))
  return answer.promise.finally(() => timer.close())
}
