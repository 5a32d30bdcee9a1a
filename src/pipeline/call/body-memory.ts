/** The memory that request bodies take, from their first byte until their calls end. */
import type { Limits } from "../../config/compile/request-rule.ts"
import { RouterError } from "../../errors.ts"

/** What bodies of one caller take. */
interface Share {
  bytes: number
}

/** What a call's body takes. */
export interface Holder {
  heldBytes: number
  share: Share | null
}

/** Requests that are no caller's, such as those of administrators, share one part. */
const NO_CALLER = ""

export class Intake {
  /** Of all bodies. */
  bytes = 0
  /** By the id of the caller, which outlives a reload. */
  readonly #shares = new Map<string, Share>()

  /** The body of the call takes so many bytes in all. @throws RouterError `body-memory-exceeded`, `overloaded` */
  hold(call: Holder, callerId: string | null, limits: Limits, bytes: number): void {
    const share = (call.share ??= this.#shareOf(callerId ?? NO_CALLER))
    const more = bytes - call.heldBytes
    const { maxMemoryBytes, maxMemoryBytesPerCaller } = limits
    if (share.bytes + more > maxMemoryBytesPerCaller && share.bytes > call.heldBytes)
      throw new RouterError("body-memory-exceeded", {
        details: { max_memory_bytes_per_caller: maxMemoryBytesPerCaller },
      })
    if (this.bytes + more > maxMemoryBytes && this.bytes > call.heldBytes)
      throw new RouterError("overloaded", { message: "Request bodies take all the memory that they may take." })
    this.bytes += more
    share.bytes += more
    call.heldBytes = bytes
  }

  /** The call has ended. A second time does nothing. */
  release(call: Holder): void {
    const { share, heldBytes } = call
    if (share === null) return
    this.bytes -= heldBytes
    share.bytes -= heldBytes
    call.heldBytes = 0
  }

  #shareOf(id: string): Share {
    const known = this.#shares.get(id)
    if (known !== undefined) return known
    const fresh = { bytes: 0 }
    this.#shares.set(id, fresh)
    return fresh
  }
}
