/** The way out of a connection: what the kernel does not take at once waits in order. */
import type { Socket } from "bun"

const SCRATCH_BYTES = 65_536
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)

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
    return !this.closed && this.unsent.length > 0
  }

  /** A head, and the whole body behind it: one piece for the kernel. */
  writeWhole(head: string, body: Uint8Array | null): void {
    const size = head.length + (body?.length ?? 0)
    if (this.closed) return
    if (this.unsent.length > 0 || size > SCRATCH_BYTES) {
      this.write(Buffer.from(head, "latin1"))
      if (body !== null) this.write(body)
      return
    }
    scratch.write(head, 0, "latin1")
    if (body !== null) scratch.set(body, head.length)
    const written = Math.max(0, this.socket.write(scratch, 0, size))
    // the scratch is shared: what is left must be copied out of it
    if (written < size) this.unsent.push(new Uint8Array(scratch.subarray(written, size)))
  }

  write(bytes: Uint8Array): void {
    if (this.closed || bytes.length === 0) return
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
