/** Follows which test files run, by the events that `observe.ts` writes. */
import { closeSync, openSync, readSync } from "node:fs"
import path from "node:path"

export interface FinishedFile {
  readonly file: string
  readonly ms: number
}

export class RunningFiles {
  readonly finished: FinishedFile[] = []
  readonly #descriptor: number
  readonly #root: string
  readonly #now: () => number
  readonly #running = new Map<string, number>()
  #offset = 0
  #rest = ""

  /** @param now milliseconds, monotonic */
  constructor(events: string, root: string, now: () => number) {
    this.#descriptor = openSync(events, "a+", 0o600)
    this.#root = root
    this.#now = now
  }

  /** Files that have begun and not ended, longest first. */
  get running(): FinishedFile[] {
    const now = this.#now()
    return [...this.#running]
      .map(([file, since]) => ({ file, ms: now - since }))
      .toSorted((left, right) => right.ms - left.ms)
  }

  /** Reads the events since the last look. @returns the files that ended since then */
  look(): FinishedFile[] {
    const before = this.finished.length
    const lines = (this.#rest + this.#read()).split("\n")
    this.#rest = lines.pop() ?? ""
    for (const line of lines) this.#take(line)
    return this.finished.slice(before)
  }

  close(): void {
    closeSync(this.#descriptor)
  }

  #take(line: string): void {
    const [event, , ...name] = line.split(" ")
    const file = path.relative(this.#root, name.join(" "))
    if (event === "begin") this.#running.set(file, this.#now())
    else {
      this.finished.push({ file, ms: this.#now() - (this.#running.get(file) ?? this.#now()) })
      this.#running.delete(file)
    }
  }

  #read(): string {
    const buffer = Buffer.alloc(65_536)
    let text = ""
    for (;;) {
      const length = readSync(this.#descriptor, buffer, 0, buffer.length, this.#offset)
      if (length === 0) return text
      this.#offset += length
      text += buffer.toString("utf8", 0, length)
    }
  }
}
