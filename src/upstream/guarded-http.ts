/**
 * Calls that routing policies make: only to hosts that the operator listed, at the address that was checked (a name that
 * changes its address meanwhile changes nothing), within a time and a size. Never rejects.
 */
import { isIP } from "node:net"
import type { PolicyHttp } from "../config/compile/policy-settings.ts"
import type { Clock, Timer } from "../system/clock.ts"
import { allowedUrl, isAllowedAddress, portOf } from "./allowed-address.ts"
import { readWhole, type UpstreamAnswer } from "./answer.ts"
import { Pool } from "./http/pool.ts"
import { Sockets } from "./http/sockets.ts"
import { PooledRequest } from "./send.ts"

export interface GuardedRequest {
  readonly url: string
  readonly method: "GET" | "POST"
  /** Lower-case names, without what `rules.headers` adds. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | null
  readonly rules: PolicyHttp
  /** In place of the rules' own. */
  readonly timeoutMs?: number
  /** Follow only redirects that keep method and body (307, 308). */
  readonly keepMethod: boolean
}

/** A closed list. */
export type GuardedFault = "forbidden" | "redirect" | "timeout" | "network" | "too-large"

export type GuardedResult =
  | { readonly kind: "answer"; readonly status: number; readonly bytes: Uint8Array }
  | { readonly kind: "fault"; readonly fault: GuardedFault }

/** All addresses of a host. */
export type Lookup = (hostname: string) => Promise<readonly string[]>

export interface GuardedOptions {
  readonly clock: Clock
  readonly lookup: Lookup
  /** PEM, beside the system's authorities. */
  readonly ca?: string
}

const MOST_HOPS = 3
const ADDRESSES_LAST_MS = 10_000
const MOST_NAMES = 256
const MOST_SOCKETS = 256
const MOST_POOLS = 64
const SWEEP_MS = 10_000

class Refused extends Error {
  readonly fault: GuardedFault

  constructor(fault: GuardedFault) {
    super(fault)
    this.name = "Refused"
    this.fault = fault
  }
}

/** What one request may still do. */
interface Course {
  readonly request: GuardedRequest
  readonly first: URL
  over: boolean
  cancel: () => void
}

interface Hop {
  readonly url: URL
  readonly method: "GET" | "POST"
  readonly body: Uint8Array | null
}

export class GuardedHttp {
  private readonly options: GuardedOptions
  private readonly pools = new Map<string, Pool>()
  private readonly sockets = new Sockets({ most: MOST_SOCKETS, canOpen: () => true }, () =>
    [...this.pools.values()].some((pool) => pool.closeOneIdle()),
  )
  private readonly addresses = new Map<string, { readonly found: readonly string[]; readonly untilMs: number }>()
  private readonly sweep: Timer

  constructor(options: GuardedOptions) {
    this.options = options
    this.sweep = options.clock.every(SWEEP_MS, () => {
      for (const pool of this.pools.values()) pool.closeIdle(options.clock.monotonicMs())
    })
    this.sweep.unref()
  }

  async send(request: GuardedRequest): Promise<GuardedResult> {
    const first = allowedUrl(request.url, request.rules)
    if (first === null) return { kind: "fault", fault: "forbidden" }
    const course: Course = { request, first, over: false, cancel: () => {} }
    const timeout = Promise.withResolvers<never>()
    const timeoutMs = request.timeoutMs ?? request.rules.timeoutMs
    const timer = this.options.clock.after(timeoutMs, () => timeout.reject(new Refused("timeout")))
    try {
      const way = this.follow(course, { url: first, method: request.method, body: request.body })
      return await Promise.race([way, timeout.promise])
    } catch (error) {
      return { kind: "fault", fault: faultOf(error) }
    } finally {
      timer.close()
      course.over = true
      course.cancel()
    }
  }

  close(): void {
    this.sweep.close()
    for (const pool of this.pools.values()) pool.close()
  }

  private async follow(course: Course, start: Hop): Promise<GuardedResult> {
    let hop = start
    for (let hops = 0; ; hops++) {
      const answer = await this.exchange(course, hop)
      if (!REDIRECTS.has(answer.status)) {
        const bytes = await readWhole(answer, course.request.rules.maxResponseBytes)
        course.cancel = () => {}
        return { kind: "answer", status: answer.status, bytes }
      }
      course.cancel()
      if (hops === MOST_HOPS) throw new Refused("redirect")
      hop = nextHop(answer, hop, course.request)
    }
  }

  private async exchange(course: Course, hop: Hop): Promise<UpstreamAnswer> {
    const address = await this.addressFor(hop.url, course.request.rules)
    if (course.over) throw new Refused("timeout")
    const pool = this.poolFor(hop.url, address)
    const pieces = [headOf(hop, course), ...(hop.body === null ? [] : [hop.body])]
    const sent = new PooledRequest(pool, pieces)
    course.cancel = sent.cancel
    return sent.answer
  }

  private async addressFor(url: URL, rules: PolicyHttp): Promise<string> {
    const hostname = url.hostname.replace(/^\[|\]$/g, "")
    const found = isIP(hostname) === 0 ? await this.resolved(hostname) : [hostname]
    const address = found.find((candidate) => isAllowedAddress(candidate, url, rules))
    if (address === undefined) throw new Refused(found.length === 0 ? "network" : "forbidden")
    return address
  }

  private async resolved(hostname: string): Promise<readonly string[]> {
    const nowMs = this.options.clock.monotonicMs()
    const known = this.addresses.get(hostname)
    if (known !== undefined && known.untilMs > nowMs) return known.found
    const found = await this.options.lookup(hostname)
    if (this.addresses.size >= MOST_NAMES) this.addresses.clear()
    this.addresses.set(hostname, { found, untilMs: nowMs + ADDRESSES_LAST_MS })
    return found
  }

  private poolFor(url: URL, address: string): Pool {
    const key = `${url.origin} ${address}`
    const known = this.pools.get(key)
    if (known !== undefined) return known
    const { ca } = this.options
    const tls = { serverName: url.hostname.replace(/^\[|\]$/g, ""), ...(ca === undefined ? {} : { ca }) }
    const pool = new Pool(
      { key, hostname: address, port: portOf(url), tls: url.protocol === "https:" ? tls : null },
      this.sockets,
      this.options.clock,
    )
    const [oldest] = this.pools
    if (this.pools.size >= MOST_POOLS && oldest !== undefined) {
      oldest[1].close()
      this.pools.delete(oldest[0])
    }
    this.pools.set(key, pool)
    return pool
  }
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const KEEPS_METHOD: ReadonlySet<number> = new Set([307, 308])

/** Checked like the first. */
function nextHop(answer: UpstreamAnswer, { url, method, body }: Hop, { rules, keepMethod }: GuardedRequest): Hop {
  const location = answer.headers.get("location")
  const keeps = KEEPS_METHOD.has(answer.status)
  if (location === null || (keepMethod && !keeps)) throw new Refused("redirect")
  const next = URL.parse(location, url.href)
  const allowed = next === null ? null : allowedUrl(next.href, rules)
  if (allowed === null) throw new Refused("redirect")
  return keeps ? { url: allowed, method, body } : { url: allowed, method: "GET", body: null }
}

const FRAMING = ["host", "connection", "content-length", "transfer-encoding", "expect", "upgrade"]

/** The operator's headers may hold a credential: they go to the origin that they were meant for, not to where it points. */
function headOf({ url, method, body }: Hop, { request, first }: Course): Uint8Array {
  const fields: Record<string, string> = { accept: "application/json", ...request.headers }
  if (url.origin === first.origin) Object.assign(fields, request.rules.headers)
  for (const name of FRAMING) delete fields[name]
  if (body === null) delete fields["content-type"]
  else fields["content-length"] = String(body.length)
  fields["accept-encoding"] = "identity"
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value.replace(/[\r\n\0]/g, " ")}\r\n`)
  return Buffer.from(
    `${method} ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n${lines.join("")}\r\n`,
    "latin1",
  )
}

function faultOf(error: unknown): GuardedFault {
  if (error instanceof Refused) return error.fault
  return error instanceof RangeError ? "too-large" : "network"
}
