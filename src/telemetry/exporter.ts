/** Sends one signal: a bounded queue that drops and counts, one export at a time, again where the receiver asks for it. */
import { gzip } from "node:zlib"
import { promisify } from "node:util"
import type { Clock, Timer } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import type { OtlpWriter, Resource, Signal } from "./otlp.ts"

/** Where exports go. */
export interface Destination {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly isCompressed: boolean
  readonly timeoutMs: number
  readonly batchMs: number
  /** Items that may wait. */
  readonly maxQueue: number
  readonly resource: Resource
  /** Writes the requests; the pieces were written by one of its kind. */
  readonly writer: OtlpWriter
}

export interface ExporterMeans {
  readonly signal: Signal
  readonly clock: Clock
  readonly log: Log
}

/** Why items were not taken: the queue was full, the receiver refused them or a part of them, it was away, or the router stopped. */
export const DROPS = ["queue", "refused", "rejected", "failed", "stopped"] as const
export type Drop = (typeof DROPS)[number]

interface Piece {
  readonly bytes: Uint8Array
  readonly items: number
}

const MOST_PIECES = 512
const MOST_BATCH_BYTES = 1_048_576
/** All that waits. */
const MOST_QUEUE_BYTES = 67_108_864
const MOST_TRIES = 5
const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 30_000
const LAST_EXPORT_MS = 3000
const TOLD_EVERY_MS = 60_000
const LONGEST_ANSWER = 65_536
/** https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504])
const compressed = promisify(gzip)

type Verdict =
  | { readonly is: "taken"; readonly rejected: number }
  | { readonly is: "refused"; readonly why: string }
  | { readonly is: "later"; readonly why: string; readonly pauseMs: number | null }

export class Exporter {
  readonly #means: ExporterMeans
  readonly #to: Destination
  readonly #queue: Piece[] = []
  readonly #timer: Timer
  readonly #stopping = new AbortController()
  #queuedItems = 0
  #queuedBytes = 0
  #sending: Promise<void> | null = null
  #wake: (() => void) | null = null
  #toldAt = -Infinity
  readonly #counts: ExportCounts

  constructor(to: Destination, counts: ExportCounts, means: ExporterMeans) {
    this.#means = means
    this.#to = to
    this.#counts = counts
    this.#timer = means.clock.every(to.batchMs, () => this.#send())
    this.#timer.unref()
  }

  get queued(): number {
    return this.#queuedItems
  }

  /** `items`: how many the bytes hold. */
  push(bytes: Uint8Array, items = 1): void {
    if (this.#queuedItems >= this.#to.maxQueue || this.#queuedBytes + bytes.length > MOST_QUEUE_BYTES) {
      this.#drop("queue", items)
      return
    }
    this.#queue.push({ bytes, items })
    this.#queuedItems += items
    this.#queuedBytes += bytes.length
    if (this.#queue.length >= MOST_PIECES) this.#send()
  }

  /** Sends what waits, for some seconds at most. Never rejects. */
  async close(): Promise<void> {
    this.#timer.close()
    this.#send()
    const late = this.#means.clock.after(LAST_EXPORT_MS, () => this.#stopping.abort())
    while (this.#sending !== null) await this.#sending
    late.close()
    if (this.#queuedItems > 0) this.#drop("stopped", this.#queuedItems)
    this.#queue.length = 0
    this.#queuedItems = 0
    this.#queuedBytes = 0
  }

  #send(): void {
    if (this.#sending !== null || this.#queue.length === 0) return
    this.#sending = this.#sendAll().finally(() => {
      this.#sending = null
    })
  }

  /** Never rejects. */
  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0 && !this.#stopping.signal.aborted) {
      const batch = this.#nextBatch()
      const items = batch.reduce((sum, piece) => sum + piece.items, 0)
      const dropped = await this.#deliver(batch, items).catch((error: unknown): Drop => {
        this.#tell("failed", error instanceof Error ? error.message : "unknown")
        return "failed"
      })
      if (dropped !== null) this.#drop(dropped, items)
    }
  }

  #nextBatch(): readonly Piece[] {
    let count = 0
    let bytes = 0
    for (const piece of this.#queue) {
      if (count > 0 && (count === MOST_PIECES || bytes + piece.bytes.length > MOST_BATCH_BYTES)) break
      bytes += piece.bytes.length
      count++
    }
    const batch = this.#queue.splice(0, count)
    for (const piece of batch) this.#queuedItems -= piece.items
    this.#queuedBytes -= bytes
    return batch
  }

  /** Null: it was taken. */
  async #deliver(batch: readonly Piece[], items: number): Promise<Drop | null> {
    const { writer, resource, isCompressed } = this.#to
    const plain = writer.request(
      this.#means.signal,
      resource,
      batch.map(({ bytes }) => bytes),
    )
    const body = isCompressed ? await compressed(plain) : plain
    for (let tried = 1; ; tried++) {
      const verdict = await this.#post(body)
      if (verdict.is === "taken") {
        const rejected = Math.min(items, verdict.rejected)
        this.#counts.exported += items - rejected
        if (rejected > 0) this.#drop("rejected", rejected)
        return null
      }
      if (verdict.is === "refused") {
        this.#tell("refused", verdict.why)
        return "refused"
      }
      this.#tell("failed", verdict.why)
      if (this.#stopping.signal.aborted) return "stopped"
      if (tried === MOST_TRIES) return "failed"
      const pauseMs = Math.min(LONGEST_PAUSE_MS, verdict.pauseMs ?? FIRST_PAUSE_MS * 2 ** (tried - 1))
      await this.#pause(pauseMs)
      if (this.#stopping.signal.aborted) return "stopped"
    }
  }

  /** Never rejects. */
  async #post(body: Uint8Array): Promise<Verdict> {
    const { url, headers, isCompressed, timeoutMs, writer } = this.#to
    const { clock } = this.#means
    const control = new AbortController()
    const stop = (): void => control.abort()
    const timer = clock.after(timeoutMs, stop)
    this.#stopping.signal.addEventListener("abort", stop)
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          ...headers,
          "content-type": writer.contentType,
          ...(isCompressed ? { "content-encoding": "gzip" } : {}),
        },
        body,
        redirect: "manual",
        signal: control.signal,
      })
      const answer = await boundedBytes(response)
      if (response.ok) return { is: "taken", rejected: writer.rejected(answer) }
      const why = `status ${response.status}`
      if (!RETRYABLE.has(response.status)) return { is: "refused", why }
      return { is: "later", why, pauseMs: pauseOf(response.headers.get("retry-after"), clock.now()) }
    } catch (error) {
      return { is: "later", why: isNamed(error) ? error.code : "no answer", pauseMs: null }
    } finally {
      timer.close()
      this.#stopping.signal.removeEventListener("abort", stop)
    }
  }

  /** Ends early where the router stops. */
  async #pause(ms: number): Promise<void> {
    const over = Promise.withResolvers<void>()
    const timer = this.#means.clock.after(ms, over.resolve)
    timer.unref()
    this.#wake = over.resolve
    this.#stopping.signal.addEventListener("abort", this.#onStop)
    await over.promise
    timer.close()
    this.#stopping.signal.removeEventListener("abort", this.#onStop)
  }

  readonly #onStop = (): void => this.#wake?.()

  #drop(why: Drop, items: number): void {
    this.#counts.dropped[why] += items
    if (why === "queue") this.#tell(why, "it is full")
  }

  /** At most once a minute; neither the address nor the headers are told. */
  #tell(why: Drop, reason: string): void {
    const { clock, log, signal } = this.#means
    const now = clock.monotonicMs()
    if (now - this.#toldAt < TOLD_EVERY_MS) return
    this.#toldAt = now
    log.warn("telemetry is not exported", { signal, why, reason })
  }
}

/** Of one signal, since the start; they outlive exporters. */
export interface ExportCounts {
  exported: number
  readonly dropped: Record<Drop, number>
}

export function noExports(): ExportCounts {
  return { exported: 0, dropped: { queue: 0, refused: 0, rejected: 0, failed: 0, stopped: 0 } }
}

/** Longer answers say nothing. */
async function boundedBytes({ body }: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  const reader = body?.getReader()
  for (;;) {
    const read = (await reader?.read()) as { readonly value?: Uint8Array } | undefined
    if (read?.value === undefined) break
    length += read.value.length
    if (length > LONGEST_ANSWER) {
      await reader?.cancel()
      return new Uint8Array()
    }
    chunks.push(read.value)
  }
  return Buffer.concat(chunks)
}

/** `Retry-After`: seconds, or a date. Null: none, or another text. */
function pauseOf(text: string | null, nowMs: number): number | null {
  if (text === null) return null
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const at = Date.parse(text)
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs)
}

function isNamed(error: unknown): error is { readonly code: string } {
  return error instanceof Error && "code" in error && typeof error.code === "string" && /^\w{1,64}$/.test(error.code)
}
