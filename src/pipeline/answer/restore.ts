/** Answers of groups that put personal data back: what the filter took out of the request takes the place of its placeholders. */
import { FrameSplitter } from "../../sse/frames.ts"
import { restoreAnswer } from "../../pii/restore-answer.ts"
import { restoreStream, StreamRestorer } from "../../pii/restore-stream.ts"
import type { Originals } from "../../pii/restore.ts"
import { isLargeAnswer } from "../apart/large.ts"
import type { AdmittedCall } from "../call.ts"
import type { Gateway } from "../gateway.ts"
import type { Writer } from "../message.ts"

type Means = Pick<Gateway, "apart" | "log">

/** A whole answer; a stream that is here as a whole, too. What cannot be restored now goes as it is, which shows nothing. */
export async function restoreWhole(
  bytes: Uint8Array,
  originals: Originals,
  call: AdmittedCall,
  { apart, log }: Means,
): Promise<Uint8Array> {
  const { id, dialect, facts, credential } = call
  const order = { dialect: dialect.name, originals, isStream: facts.stream }
  try {
    if (isLargeAnswer(bytes.length)) return await apart.run("restore", credential.caller.id, [bytes], order)
    const restore = facts.stream ? restoreStream : restoreAnswer
    return restore(bytes, dialect.name, originals)
  } catch (error) {
    unrestored(id, error, log)
    return bytes
  }
}

/** What went wrong may quote the answer. */
function unrestored(id: string, error: unknown, log: Means["log"]): void {
  log.warn("an answer left with placeholders", { request_id: id, error: error instanceof Error ? error.name : "" })
}

/** Restores what a stream writes. A large event is restored in another thread, and what follows waits for it. */
export class RestoringWriter implements Writer {
  readonly #writer: Writer
  readonly #call: AdmittedCall
  readonly #gateway: Means
  readonly #originals: Originals
  readonly #splitter = new FrameSplitter(Infinity)
  #restorer: StreamRestorer
  #large: Promise<void> | null = null

  constructor(writer: Writer, originals: Originals, call: AdmittedCall, gateway: Means) {
    this.#writer = writer
    this.#originals = originals
    this.#call = call
    this.#gateway = gateway
    this.#restorer = new StreamRestorer(call.dialect.name, originals)
  }

  write(bytes: Uint8Array): void {
    this.#splitter.push(bytes)
    if (this.#large === null) this.#restore()
  }

  isFull(): boolean {
    return this.#large !== null || this.#writer.isFull()
  }

  async drained(): Promise<void> {
    await this.#idle()
    await this.#writer.drained()
  }

  /** Resolves when all was written. */
  async end(): Promise<void> {
    await this.#idle()
    const rest = this.#splitter.remainder()
    if (rest.length > 0) this.#writer.write(rest)
  }

  async #idle(): Promise<void> {
    while (this.#large !== null) await this.#large
  }

  #restore(): void {
    const splitter = this.#splitter
    const frames: Uint8Array[] = []
    while (this.#large === null && splitter.next()) {
      const frame = splitter.bytes.subarray(splitter.start, splitter.end)
      if (isLargeAnswer(frame.length)) this.#large = this.#restoreLarge(frame)
      else frames.push(this.#restored(frame))
    }
    const [only] = frames
    if (only !== undefined) this.#writer.write(frames.length === 1 ? only : Buffer.concat(frames))
  }

  #restored(frame: Uint8Array): Uint8Array {
    try {
      return this.#restorer.frame(frame)
    } catch (error) {
      unrestored(this.#call.id, error, this.#gateway.log)
      return frame
    }
  }

  async #restoreLarge(frame: Uint8Array): Promise<void> {
    const { dialect, credential, id } = this.#call
    const order = { dialect: dialect.name, originals: this.#originals, held: this.#restorer.held }
    let restored = frame
    try {
      const { bytes, held } = await this.#gateway.apart.run("restoreEvent", credential.caller.id, [frame], order)
      restored = bytes
      this.#restorer = new StreamRestorer(dialect.name, this.#originals, held)
    } catch (error) {
      unrestored(id, error, this.#gateway.log)
    }
    this.#writer.write(restored)
    this.#large = null
    this.#restore()
  }
}
