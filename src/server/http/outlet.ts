/** The way out of a connection: what the kernel does not take at once waits in order. */
import type { Socket } from "bun"

export class Outlet {
  private readonly socket: Socket<unknown>
  private unsent: Uint8Array[] = []
  private whenDrained: (() => void) | null = null
  private closed = false

  constructor(socket: Socket<unknown>) {
    this.socket = socket
  }

  /** The client takes bytes more slowly than they come. */
  isFull(): boolean {
    return this.unsent.length > 0
  }

  write(first: Uint8Array, second: Uint8Array | null = null): void {
    if (this.closed) return
    const bytes = second === null || second.length === 0 ? first : Buffer.concat([first, second])
    if (this.unsent.length > 0) {
      this.unsent.push(bytes)
      return
    }
    const written = Math.max(0, this.socket.write(bytes))
    if (written < bytes.length) this.unsent.push(bytes.subarray(written))
  }

  /** The socket takes bytes again. */
  writable(): void {
    const pieces = this.unsent
    this.unsent = []
    for (const piece of pieces) this.write(piece)
    if (this.unsent.length === 0) this.wake()
  }

  /** Resolves when everything was taken, or the client is gone. One caller at a time. */
  drained(): Promise<void> {
    return new Promise((resolve) => {
      this.whenDrained = resolve
      if (this.closed || this.unsent.length === 0) resolve()
    })
  }

  close(): void {
    this.closed = true
    this.wake()
  }

  private wake(): void {
    const { whenDrained } = this
    this.whenDrained = null
    whenDrained?.()
  }
}
