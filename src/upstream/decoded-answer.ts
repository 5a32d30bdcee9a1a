/** A streamed answer read ahead, and decoded piece by piece where it was compressed without being asked. */
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib"
import type { Transform } from "node:stream"
import type { UpstreamAnswer } from "./answer.ts"

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip(),
  "x-gzip": () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
}

/** What goes into a decoder at once, so that what comes out of it stays bounded. */
const INPUT_BYTES = 4096

export class DecodedAnswer implements UpstreamAnswer {
  readonly status: number
  readonly headers: UpstreamAnswer["headers"]
  readonly complete = false
  private readonly answer: UpstreamAnswer
  private readonly decoder: Decoder | null
  private ready: Uint8Array[] = []
  /** Came, and waits for the decoder. */
  private raw: Uint8Array[] = []
  private ended = false

  constructor(answer: UpstreamAnswer) {
    const encoding = encodingOf(answer)
    const create = DECODERS[encoding]
    this.answer = answer
    this.decoder = create === undefined ? null : new Decoder(create())
    this.status = answer.status
    this.headers = {
      get: (name) => (create !== undefined && name === "content-encoding" ? null : answer.headers.get(name)),
    }
  }

  /** The first pieces, up to one that is not blank; they stay to be read. Empty where none come. Rejects as `read` does. */
  async head(): Promise<Uint8Array> {
    const seen: Uint8Array[] = []
    let blanks = 0
    for (let pieces = await this.next(); pieces !== null; pieces = await this.next()) {
      seen.push(...pieces)
      if (pieces.some((piece) => piece.some((byte) => byte > SPACE))) break
      blanks += pieces.reduce((sum, { length }) => sum + length, 0)
      if (blanks > MOST_BLANKS) throw new RangeError("too much before the first word")
    }
    this.ready = seen
    return Buffer.concat(seen)
  }

  read(): Promise<readonly Uint8Array[] | null> {
    return this.ready.length > 0 ? Promise.resolve(this.take()) : this.next()
  }

  take(): readonly Uint8Array[] {
    const { ready } = this
    this.ready = []
    return ready
  }

  async flow(take: (pieces: readonly Uint8Array[]) => boolean): Promise<boolean> {
    for (let pieces = await this.read(); pieces !== null; pieces = await this.read()) if (!take(pieces)) return true
    return false
  }

  private async next(): Promise<readonly Uint8Array[] | null> {
    const { decoder } = this
    if (decoder === null) return this.answer.read()
    while (!this.ended) {
      const piece = this.raw.shift()
      const decoded = piece === undefined ? await this.more(decoder) : await decoder.push(piece)
      if (decoded.length > 0) return decoded
    }
    return null
  }

  private async more(decoder: Decoder): Promise<readonly Uint8Array[]> {
    const pieces = await this.answer.read()
    if (pieces === null) {
      this.ended = true
      return decoder.end()
    }
    for (const piece of pieces)
      for (let at = 0; at < piece.length; at += INPUT_BYTES) this.raw.push(piece.subarray(at, at + INPUT_BYTES))
    return []
  }
}

const SPACE = 0x20
/** Servers send blanks to keep a connection alive until they know what to say. */
const MOST_BLANKS = 65_536

/** `identity` where nothing else is said. */
export function encodingOf({ headers }: UpstreamAnswer): string {
  return (headers.get("content-encoding") ?? "identity").trim().toLowerCase()
}

/** May the body be read as it comes? */
export function canDecode(answer: UpstreamAnswer): boolean {
  const encoding = encodingOf(answer)
  return encoding === "identity" || DECODERS[encoding] !== undefined
}

/** One stream through zlib. What is not of its encoding is a `RangeError`, as for whole bodies. */
class Decoder {
  private readonly stream: Transform
  private out: Uint8Array[] = []
  private fail: ((error: Error) => void) | null = null
  private broken: Error | null = null

  constructor(stream: Transform) {
    this.stream = stream
    stream.on("data", (piece: Uint8Array) => this.out.push(piece))
    stream.on("error", (error: Error) => {
      this.broken = error
      this.fail?.(error)
    })
  }

  push(piece: Uint8Array): Promise<readonly Uint8Array[]> {
    return this.during((done) => this.stream.write(piece, done))
  }

  end(): Promise<readonly Uint8Array[]> {
    return this.during((done) => {
      this.stream.once("end", done)
      this.stream.end()
    })
  }

  private async during(work: (done: () => void) => void): Promise<readonly Uint8Array[]> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.fail = reject
        if (this.broken === null) work(resolve)
        else reject(this.broken)
      })
    } catch (cause) {
      throw new RangeError("the answer cannot be decoded", { cause })
    }
    const { out } = this
    this.out = []
    return out
  }
}
