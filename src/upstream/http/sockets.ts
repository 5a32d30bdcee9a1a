/** How many connections to upstreams this process holds, of all pools together. */

/** The process itself has no room for another connection: no fault of any upstream. */
export class NoRoom extends Error {
  constructor(cause?: unknown) {
    super("there is no room for another connection", { cause })
    this.name = "NoRoom"
  }
}

export interface SocketRules {
  /** Connections at once. */
  readonly most: number
  /** Can the process open a socket at this moment? Asked where a connection failed. */
  readonly canOpen: () => boolean
}

export class Sockets {
  private readonly rules: SocketRules
  private readonly closeOneIdle: () => boolean
  private open = 0

  /** `closeOneIdle` frees a connection that no request uses; false: there is none. */
  constructor(rules: SocketRules, closeOneIdle: () => boolean) {
    this.rules = rules
    this.closeOneIdle = closeOneIdle
  }

  /** Why a connection could not be made: `cause`, unless the process itself has no room. */
  reasonFor(cause: Error | null): Error | null {
    return cause === null || cause instanceof NoRoom || this.rules.canOpen() ? cause : new NoRoom(cause)
  }

  /** Takes a place; false: there is none. */
  take(): boolean {
    if (this.open >= this.rules.most && !this.closeOneIdle()) return false
    this.open++
    return true
  }

  give(): void {
    this.open--
  }
}

/** Errors of the system that say what this process lacks: descriptors, ports, memory. */
const OWN_SHORTAGE = /^(?:EMFILE|ENFILE|EADDRNOTAVAIL|ENOBUFS|ENOMEM)$/

export function isOwnShortage(error: unknown): boolean {
  if (error instanceof NoRoom) return true
  const { code, cause } = (error ?? {}) as { readonly code?: unknown; readonly cause?: unknown }
  if (typeof code === "string" && OWN_SHORTAGE.test(code)) return true
  return cause !== undefined && cause !== null && isOwnShortage(cause)
}
