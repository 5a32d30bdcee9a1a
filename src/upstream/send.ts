/** Sends requests upstream: over own connections, or by `fetch` where an egress proxy stands between. */
import type { Target } from "../config/snapshot.ts"
import type { Reason } from "../reasons.ts"
import type { Clock, Timer } from "../system/clock.ts"
import type { UpstreamAnswer } from "./answer.ts"
import { AnswerBroken, NotSent, StaleConnection, type Exchange, type Listener } from "./http/exchange.ts"
import type { ResponseHead, ResponseHeaders } from "./http/head.ts"
import { Pool } from "./http/pool.ts"
import { isOwnShortage, Sockets, type SocketRules } from "./http/sockets.ts"
import { proxyReason } from "./reason.ts"

export interface UpstreamRequest {
  /** POST where nothing else is said. */
  readonly method?: string | undefined
  readonly target: Target
  /** Send the query `beta=true` along. */
  readonly beta: boolean
  /** Headers of this call beside the target's own, lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** In pieces, so that a large body is not copied for a small change. */
  readonly body: readonly Uint8Array[]
  /** `PooledRequest`; "heal" where nothing is said. */
  readonly stale?: StaleRule | undefined
  /** Told once the connection is made, and again where another one must be made. Where a proxy stands between: at once. */
  readonly onConnection?: ((isMade: boolean) => void) | undefined
}

/**
 * What is done about a kept connection that was closing when the request was written. "heal": the request is sent once
 * more, unseen; only for requests that may be repeated. "tell": the answer rejects with `StaleConnection`. "new": no kept
 * connection is used.
 */
export type StaleRule = "heal" | "tell" | "new"

export interface Sent {
  /** Resolves with the head of the answer. Redirects are answers, not followed. Rejects with `AnswerBroken` on network faults and after `cancel`. */
  readonly answer: Promise<UpstreamAnswer>
  /** Frees the connection at once, whatever has come. */
  readonly cancel: () => void
}

const SWEEP_MS = 10_000

/** Keeps connections alive between calls. */
export class Upstream {
  private readonly sweep: Timer
  private readonly sockets: Sockets
  private readonly clock: Clock
  /** By origin and TLS material. */
  private readonly pools = new Map<string, Pool>()
  private readonly heads = new WeakMap<Target, readonly [plain: Uint8Array, beta: Uint8Array]>()

  /** `rules`: of connections to all origins together. */
  constructor(clock: Clock, rules: SocketRules) {
    this.clock = clock
    this.sockets = new Sockets(rules, () => [...this.pools.values()].some((pool) => pool.closeOneIdle()))
    this.sweep = clock.every(SWEEP_MS, () => {
      for (const pool of this.pools.values()) pool.closeIdle(clock.monotonicMs())
    })
    this.sweep.unref()
  }

  send(request: UpstreamRequest): Sent {
    return request.target.proxy === null ? this.overPool(request) : byFetch(request, request.target.proxy, this.sockets)
  }

  close(): void {
    this.sweep.close()
    for (const pool of this.pools.values()) pool.close()
  }

  private overPool(request: UpstreamRequest): Sent {
    const pool = this.poolFor(request.target)
    const pieces = [this.headFor(request), callHead(request), ...request.body]
    return new PooledRequest(pool, pieces, request)
  }

  private poolFor(target: Target): Pool {
    const known = this.pools.get(target.origin.key)
    if (known !== undefined) return known
    const pool = new Pool(target.origin, this.sockets, this.clock)
    this.pools.set(target.origin.key, pool)
    return pool
  }

  private headFor({ target, beta, method }: UpstreamRequest): Uint8Array {
    if (method !== undefined) return targetHead(target, beta, method)
    let heads = this.heads.get(target)
    if (heads === undefined) {
      heads = [targetHead(target, false), targetHead(target, true)]
      this.heads.set(target, heads)
    }
    return heads[beta ? 1 : 0]
  }
}

/** A request on a connection. Once an upstream may have read it, it is never sent again. */
export class PooledRequest implements Sent, Listener {
  readonly answer: Promise<UpstreamAnswer>
  private readonly pool: Pool
  private readonly pieces: readonly Uint8Array[]
  private readonly onConnection: UpstreamRequest["onConnection"]
  private exchange: Exchange
  private mayHeal: boolean
  private resolve: (answer: UpstreamAnswer) => void = () => {}
  private reject: (error: AnswerBroken) => void = () => {}

  constructor(
    pool: Pool,
    pieces: readonly Uint8Array[],
    { stale = "heal", onConnection }: Pick<UpstreamRequest, "stale" | "onConnection"> = {},
  ) {
    this.pool = pool
    this.pieces = pieces
    this.onConnection = onConnection
    this.mayHeal = stale === "heal"
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
    this.exchange = pool.send(pieces, this, stale === "new")
  }

  readonly cancel = (): void => {
    this.mayHeal = false
    this.exchange.cancel()
  }

  connected(): void {
    this.onConnection?.(true)
  }

  headed({ status, headers }: ResponseHead): void {
    this.resolve(new PooledAnswer(status, headers, this.exchange))
  }

  failed(error: AnswerBroken): void {
    if (!this.mayHeal || !(error instanceof StaleConnection)) return this.reject(error)
    this.mayHeal = false
    this.onConnection?.(false)
    this.exchange = this.pool.send(this.pieces, this, true)
  }
}

class PooledAnswer implements UpstreamAnswer {
  readonly status: number
  readonly headers: ResponseHeaders
  private readonly exchange: Exchange

  constructor(status: number, headers: ResponseHeaders, exchange: Exchange) {
    this.status = status
    this.headers = headers
    this.exchange = exchange
  }

  get complete(): boolean {
    return this.exchange.complete
  }

  read(): Promise<readonly Uint8Array[] | null> {
    return this.exchange.read()
  }

  take(): readonly Uint8Array[] {
    return this.exchange.take()
  }

  flow(take: (pieces: readonly Uint8Array[]) => boolean): Promise<boolean> {
    return this.exchange.flow(take)
  }
}

/** Request line and fixed headers; the same bytes for every call. */
function targetHead(target: Target, beta: boolean, method = "POST"): Uint8Array {
  const url = new URL(urlFor(target, beta))
  const lines = Object.entries(target.headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(
    `${method} ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n${lines.join("")}`,
    "latin1",
  )
}

function callHead(request: UpstreamRequest): Uint8Array {
  let length = 0
  for (const piece of request.body) length += piece.length
  let text = `content-length: ${length}\r\n\r\n`
  for (const name in request.headers) text = `${name}: ${request.headers[name]}\r\n${text}`
  return Buffer.from(text, "latin1")
}

function urlFor(target: Target, beta: boolean): string {
  if (!beta) return target.url
  return `${target.url}${target.url.includes("?") ? "&" : "?"}beta=true`
}

function byFetch(request: UpstreamRequest, proxy: string, sockets: Sockets): Sent {
  const { target } = request
  const control = new AbortController()
  request.onConnection?.(true)
  const answer = async (): Promise<UpstreamAnswer> => {
    const response = await fetch(urlFor(target, request.beta), {
      method: request.method ?? "POST",
      headers: { ...target.headers, ...request.headers },
      ...(request.body.length === 0 ? {} : { body: Buffer.concat(request.body) }),
      signal: control.signal,
      redirect: "manual",
      proxy,
      // the router has its own deadlines
      timeout: false,
      decompress: false,
      // said, because the environment could say otherwise (NODE_TLS_REJECT_UNAUTHORIZED)
      tls: { ...target.origin.tls, rejectUnauthorized: true },
    }).catch((cause: unknown) => brokeOff(cause instanceof Error ? sockets.reasonFor(cause) : cause))
    const reader = response.body?.getReader()
    const read = async (): Promise<readonly Uint8Array[] | null> => {
      const chunk = await reader?.read().catch(brokeOff)
      return chunk?.value === undefined ? null : [chunk.value]
    }
    const flow = async (take: (pieces: readonly Uint8Array[]) => boolean): Promise<boolean> => {
      for (let pieces = await read(); pieces !== null; pieces = await read()) if (!take(pieces)) return true
      return false
    }
    return { status: response.status, headers: response.headers, read, flow, take: () => [], complete: false }
  }
  return { answer: answer(), cancel: () => control.abort() }
}

function brokeOff(cause: unknown): never {
  throw isOwnShortage(cause) ? new NotSent(cause) : new BrokenByProxy(cause)
}

/** An answer that should have come through an egress proxy. */
class BrokenByProxy extends AnswerBroken {
  override readonly reason: Reason
  override readonly words: string | null

  constructor(cause: unknown) {
    super(cause)
    this.reason = proxyReason(cause)
    const status = cause instanceof Error ? /tunnel: (\d{3})\b/.exec(cause.message)?.[1] : undefined
    this.words = status === undefined ? null : `status=${status}`
  }
}
