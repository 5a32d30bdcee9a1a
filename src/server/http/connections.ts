/** The client connections of this process: how many there may be, and which must go when they are scarce. */
import type { Socket } from "bun"
import { networkOf } from "../../http/network.ts"
import type { Clock } from "../../system/clock.ts"
import type { Handler } from "../../pipeline/message.ts"
import { Connection, type Host } from "./connection.ts"

export interface ConnectionBounds {
  /** Connections that are served at once. */
  readonly max: number
  /** Of these, connections of one address. */
  readonly perAddress: number
  /** Proxies, which connect for many. */
  isExempt(address: string): boolean
}

export interface ConnectionRules {
  /** Asked for each new connection, because a reload may change them. */
  readonly bounds: () => ConnectionBounds
  /** Answers in place of the handler on a connection beyond the bounds. */
  readonly turnAway: Handler
  /** Called for each connection beyond the bounds. */
  readonly full: () => void
}

/** A connection that waits for a request, or for the rest of a head, is closed after this time. */
const IDLE_MS = 75_000
/** The same where connections are scarce. */
const SCARCE_IDLE_MS = 5000
/** All proxies together, which have no bound of their own. */
const PROXIES = "proxies"
/** Of the most there may be, of all or of an address, the share from which they are scarce. */
const SCARCE_SHARE = 0.75
/** At the bound waiting connections are looked through again after this time. */
const SEARCH_AGAIN_MS = 500
/** So many connections beyond the bound are told so; any more are cut. */
const MOST_TURNED_AWAY = 32

export class Connections {
  readonly all: Set<Connection> = new Set()
  private readonly host: Host
  private readonly turnedAwayHost: Host
  private readonly rules: ConnectionRules
  private readonly clock: Clock
  private readonly byNetwork = new Map<string, number>()
  private turnedAway = 0
  private searchedAt = -Infinity

  constructor(host: Omit<Host, "closed">, rules: ConnectionRules, clock: Clock) {
    this.host = { ...host, closed: (connection) => this.closed(connection) }
    this.turnedAwayHost = { ...this.host, handle: rules.turnAway }
    this.rules = rules
    this.clock = clock
  }

  /** Takes a new socket; null: it was cut. */
  open(socket: Socket<Connection | undefined>): Connection | null {
    const { remoteAddress } = socket
    const network = this.rules.bounds().isExempt(remoteAddress) ? PROXIES : networkOf(remoteAddress)
    if (!this.hasRoomFor(network)) this.searchIdle()
    const hasRoom = this.hasRoomFor(network)
    if (!hasRoom) this.rules.full()
    if (!hasRoom && this.turnedAway >= MOST_TURNED_AWAY) {
      socket.terminate()
      return null
    }
    const connection = new Connection(socket, hasRoom ? this.host : this.turnedAwayHost, this.clock)
    this.all.add(connection)
    if (hasRoom) {
      connection.network = network
      this.byNetwork.set(network, this.countOf(network) + 1)
    } else {
      this.turnedAway++
      connection.turnAway()
    }
    return connection
  }

  /** To be called again and again. */
  closeIdle(): void {
    const now = this.clock.monotonicMs()
    const isScarce = this.served >= this.rules.bounds().max * SCARCE_SHARE
    for (const connection of this.all)
      connection.closeIfIdle(now, isScarce || this.isScarceFor(connection.network) ? SCARCE_IDLE_MS : IDLE_MS)
  }

  private hasRoomFor(network: string): boolean {
    return this.served < this.rules.bounds().max && this.countOf(network) < this.mostOf(network)
  }

  private isScarceFor(network: string | null): boolean {
    return network !== null && this.countOf(network) >= this.mostOf(network) * SCARCE_SHARE
  }

  private countOf(network: string): number {
    return this.byNetwork.get(network) ?? 0
  }

  private mostOf(network: string): number {
    return network === PROXIES ? Infinity : this.rules.bounds().perAddress
  }

  private get served(): number {
    return this.all.size - this.turnedAway
  }

  private searchIdle(): void {
    const now = this.clock.monotonicMs()
    if (now - this.searchedAt < SEARCH_AGAIN_MS) return
    this.searchedAt = now
    this.closeIdle()
  }

  private closed(connection: Connection): void {
    if (!this.all.delete(connection)) return
    const { network } = connection
    if (network === null) {
      this.turnedAway--
      return
    }
    const left = this.countOf(network) - 1
    if (left === 0) this.byNetwork.delete(network)
    else this.byNetwork.set(network, left)
  }
}
