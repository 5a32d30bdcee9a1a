/** Hands content to the thread that prepares and seals it. What takes too long is given up, and its thread with it. */
import { Worker } from "node:worker_threads"
import type { Clock } from "../system/clock.ts"
import { canOpen, THREAD_DESCRIPTORS } from "../system/descriptors.ts"
import type { Loop } from "../system/loop.ts"
import type { Content } from "./content.ts"
import type { DataKey } from "./rows.ts"
import type { SealOrder, SealReport } from "./thread.ts"

/** Inside the binary, the bundle stands above the folders (see scripts/build.ts). */
const THREAD = import.meta.url.includes("/$bunfs/") ? "./capture/thread.ts" : "./thread.ts"

/** A body of 32 MB takes about two seconds; an expression of the operator may take any time. */
const PATIENCE_MS = 20_000
/** Bytes are copied for the thread in slices of this size. */
const SLICE_BYTES = 1 << 22

export interface Seals {
  /** Rejects where the thread is lost, cannot be had or takes too long. One call at a time. */
  seal(contents: readonly Content[], key: DataKey): Promise<SealReport>
  close(): void
}

export class Sealer implements Seals {
  readonly #clock: Pick<Clock, "after">
  readonly #loop: Pick<Loop, "turn">
  #thread: Worker | null = null

  constructor(clock: Pick<Clock, "after">, loop: Pick<Loop, "turn">) {
    this.#clock = clock
    this.#loop = loop
  }

  async seal(contents: readonly Content[], key: DataKey): Promise<SealReport> {
    const bytes = await this.#copied(contents)
    const thread = (this.#thread ??= openThread())
    const heard = Promise.withResolvers<SealReport>()
    const fail = (why: string) => (): void => heard.reject(new Error(why))
    const ended = fail("the thread of content capture has ended")
    const timer = this.#clock.after(PATIENCE_MS, fail("content could not be prepared in time"))
    thread.on("message", heard.resolve)
    thread.on("error", ended)
    thread.on("exit", ended)
    const order: SealOrder = { contents: contents.map(withoutBytes), bytes, key }
    thread.postMessage(order, [bytes.buffer])
    try {
      return await heard.promise
    } catch (error) {
      this.close()
      throw error
    } finally {
      timer.close()
      thread.removeAllListeners()
    }
  }

  close(): void {
    void this.#thread?.terminate()
    this.#thread = null
  }

  async #copied(contents: readonly Content[]): Promise<Uint8Array<ArrayBuffer>> {
    const parts = contents.flatMap((content) => content.parts)
    const copy = new Uint8Array(parts.reduce((sum, { bytes }) => sum + bytes.length, 0))
    let at = 0
    for (const { bytes } of parts)
      for (let from = 0; from < bytes.length; from += SLICE_BYTES) {
        const slice = bytes.subarray(from, from + SLICE_BYTES)
        copy.set(slice, at)
        at += slice.length
        if (slice.length === SLICE_BYTES) await this.#loop.turn()
      }
    return copy
  }
}

function openThread(): Worker {
  if (!canOpen(THREAD_DESCRIPTORS)) throw new Error("the process may open no more files")
  const thread = new Worker(new URL(THREAD, import.meta.url))
  thread.unref()
  return thread
}

function withoutBytes({ parts, ...content }: Content): SealOrder["contents"][number] {
  return {
    ...content,
    parts: parts.map(({ bytes, ...part }) => ({ ...part, length: bytes.length })),
  }
}
