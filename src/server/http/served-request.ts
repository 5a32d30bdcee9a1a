/** A request on its way, as the handler sees it. */
import type { Incoming } from "../../pipeline/message.ts"
import { IncomingBody } from "./body.ts"
import type { RequestHead, RequestHeaders } from "./head.ts"

interface BodyReader {
  readBody(request: ServedRequest, maxBytes: number, hold: (bytes: number) => void): Uint8Array | Promise<Uint8Array>
}

export class ServedRequest implements Incoming {
  readonly head: RequestHead
  /** Its body, as far as it is here. */
  readonly received: IncomingBody
  readonly path: string
  readonly address: string
  onGone: (() => void) | null = null
  private readonly reader: BodyReader

  constructor(reader: BodyReader, head: RequestHead, address: string) {
    this.reader = reader
    this.head = head
    this.received = new IncomingBody(head.body)
    const query = head.target.indexOf("?")
    this.path = query < 0 ? head.target : head.target.slice(0, query)
    this.address = address
  }

  get method(): string {
    return this.head.method
  }

  get target(): string {
    return this.head.target
  }

  get headers(): RequestHeaders {
    return this.head.headers
  }

  get isWhole(): boolean {
    return this.received.done
  }

  get receivedBytes(): number {
    return this.received.size
  }

  body(maxBytes: number, hold: (bytes: number) => void): Uint8Array | Promise<Uint8Array> {
    return this.reader.readBody(this, maxBytes, hold)
  }
}
