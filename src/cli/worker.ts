/** What a worker process is told by the process that started it: its number, the address, and when all are up. */
import { addressOf } from "../server/listen-address.ts"

const NUMBER = "SMART_ROUTER_WORKER"
const ADDRESS = "SMART_ROUTER_WORKER_ADDRESS"
/** Comes on standard input. */
export const ALL_ARE_UP = "all are up\n"

export interface WorkerOrder {
  readonly number: number
  readonly listen: { readonly hostname: string; readonly port: number }
}

/** Null: this process was started by somebody else. */
export function workerOrder(env: Readonly<Record<string, string | undefined>>): WorkerOrder | null {
  const number = Number(env[NUMBER])
  const address = env[ADDRESS]
  return number > 0 && address !== undefined ? { number, listen: addressOf(address) } : null
}

export function workerEnvironment(number: number, address: string): Readonly<Record<string, string>> {
  return { [NUMBER]: String(number), [ADDRESS]: address }
}

/** `onGone`: the process that started this one has ended, however it did. */
export function listenToParent(onGone: () => void): { readonly whenAllAreUp: Promise<void> } {
  const allAreUp = Promise.withResolvers<void>()
  let told = ""
  process.stdin.on("data", (bytes: Buffer) => {
    told += bytes.toString()
    if (told.includes(ALL_ARE_UP)) allAreUp.resolve()
  })
  process.stdin.on("end", onGone)
  return { whenAllAreUp: allAreUp.promise }
}
