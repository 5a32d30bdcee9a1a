/**
 * Asks private engines how busy they are, again and again. An engine that does not answer, answers too late, too much or
 * something else costs nothing but its reading: what it said before counts until it is too old.
 */
import { isDeepStrictEqual } from "node:util"
import type { EngineMetricsRule } from "../config/snapshot.ts"
import type { Clock, Timer } from "../system/clock.ts"
import type { Log } from "../system/log.ts"
import { inflateBody } from "./answer.ts"
import { readEngineText, type EngineReading } from "./engine-text.ts"

/** So many readings in a row may fail before the last good one is too old. */
const MISSED_READINGS = 3

export interface EngineMetricsOptions {
  readonly clock: Clock
  readonly log: Log
  readonly userAgent: string
  /** `null`: the engine answered, but not with its metrics. `until` on the monotonic clock. */
  readonly onReading: (provider: string, reading: EngineReading | null, until: number) => void
}

export class EngineMetrics {
  private readonly options: EngineMetricsOptions
  /** By provider. */
  private readonly loops = new Map<string, Loop>()

  constructor(options: EngineMetricsOptions) {
    this.options = options
  }

  /** Asks these from now on, and no others. */
  follow(rules: ReadonlyMap<string, EngineMetricsRule>): void {
    for (const [provider, loop] of this.loops) {
      const rule = rules.get(provider)
      if (rule !== undefined && isDeepStrictEqual(rule, loop.rule)) continue
      loop.stop()
      this.loops.delete(provider)
      this.options.onReading(provider, null, 0)
    }
    for (const [provider, rule] of rules)
      if (!this.loops.has(provider)) this.loops.set(provider, new Loop(provider, rule, this.options))
  }

  close(): void {
    this.follow(new Map())
  }
}

class Loop {
  readonly rule: EngineMetricsRule
  private readonly provider: string
  private readonly options: EngineMetricsOptions
  private timer: Timer | null = null
  private readonly stopping = new AbortController()
  private wasHealthy = true

  constructor(provider: string, rule: EngineMetricsRule, options: EngineMetricsOptions) {
    this.provider = provider
    this.rule = rule
    this.options = options
    void this.turn()
  }

  stop(): void {
    this.stopping.abort()
    this.timer?.close()
  }

  /** Never rejects. */
  private async turn(): Promise<void> {
    const { clock, onReading } = this.options
    try {
      const text = await this.fetched()
      if (this.stopping.signal.aborted) return
      const reading = readEngineText(text, this.rule.engine)
      const until = clock.monotonicMs() + MISSED_READINGS * this.rule.intervalMs + this.rule.timeoutMs
      onReading(this.provider, reading, until)
      this.tell(reading === null ? "the answer does not hold the engine's metrics" : null)
    } catch (error) {
      if (!this.stopping.signal.aborted) this.tell(error instanceof Unusable ? error.message : "no answer in time")
    }
    if (this.stopping.signal.aborted) return
    this.timer = clock.after(this.rule.intervalMs, () => void this.turn())
    this.timer.unref()
  }

  /** Once when it changes; the address stays out of the log. */
  private tell(trouble: string | null): void {
    const isHealthy = trouble === null
    if (isHealthy === this.wasHealthy) return
    this.wasHealthy = isHealthy
    if (isHealthy) this.options.log.info("engine metrics are read again", { provider: this.provider })
    else this.options.log.warn("engine metrics cannot be read", { provider: this.provider, reason: trouble })
  }

  /** @throws Unusable; whatever fetch throws */
  private async fetched(): Promise<string> {
    const late = new AbortController()
    const timer = this.options.clock.after(this.rule.timeoutMs, () => late.abort())
    try {
      return await this.fetchedUnless(AbortSignal.any([this.stopping.signal, late.signal]))
    } finally {
      timer.close()
    }
  }

  private async fetchedUnless(signal: AbortSignal): Promise<string> {
    const { url, maxResponseBytes, tls, proxy } = this.rule
    const response = await fetch(url, {
      redirect: "manual",
      signal,
      headers: { accept: "text/plain", "accept-encoding": "identity", "user-agent": this.options.userAgent },
      // what comes compressed all the same is not unpacked beyond its bound
      decompress: false,
      // said, because the environment could say otherwise (NODE_TLS_REJECT_UNAUTHORIZED)
      tls: { ...tls, rejectUnauthorized: true },
      ...(proxy === null ? {} : { proxy }),
    })
    if (response.status === 200 && response.body !== null) {
      const bytes = await boundedBytes(response.body, maxResponseBytes, signal)
      const plain = await unpacked(response.headers, bytes, maxResponseBytes)
      return plain.toString("utf8")
    }
    await response.body?.cancel()
    throw new Unusable(`status ${response.status}`)
  }
}

class Unusable extends Error {}

async function unpacked(headers: Headers, bytes: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return Buffer.from(await inflateBody({ headers }, bytes, maxBytes))
  } catch (cause) {
    throw new Unusable("the answer is too long once it is unpacked, or is not what its encoding says", { cause })
  }
}

async function boundedBytes(body: ReadableStream<Uint8Array>, maxBytes: number, signal: AbortSignal): Promise<Buffer> {
  const reader = body.getReader()
  const pieces: Uint8Array[] = []
  let length = 0
  const cut = (): void => void reader.cancel().catch(() => undefined)
  signal.addEventListener("abort", cut, { once: true })
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      length += next.value.length
      if (length > maxBytes) throw new Unusable("the answer is too long")
      pieces.push(next.value)
    }
    if (signal.aborted) throw new Unusable("no answer in time")
    return Buffer.concat(pieces)
  } finally {
    signal.removeEventListener("abort", cut)
    cut()
  }
}
