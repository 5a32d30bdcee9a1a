/** Shows clients the model name that they asked for: the one value is replaced, every other byte of an answer stays. */
import { QUOTE } from "../json/bytes.ts"
import { scanObject, type Member, type ScannedObject } from "../json/scan.ts"
import { splice, type Edit } from "../json/splice.ts"
import { FrameSplitter } from "../sse/frames.ts"

const MODEL = Buffer.from('"model"')
const DATA = Buffer.from("data:")
/** Events that hold an answer, and so its model, under a name of their own. */
const HOLDERS: ReadonlySet<string> = new Set(["response", "message"])
const LF = 10
const CR = 13
const SPACE = 32

export class ModelName {
  private readonly value: Uint8Array

  constructor(name: string) {
    this.value = Buffer.from(JSON.stringify(name))
  }

  /** A whole JSON body; the same bytes where it names no model, or is no object. */
  body(bytes: Uint8Array): Uint8Array {
    const edits = view(bytes).includes(MODEL) ? this.edits(bytes, 0) : []
    return edits.length === 0 ? bytes : Buffer.concat(splice(bytes, edits))
  }

  /** Whole frames of an event stream, one or many; the same bytes where none of them names a model. */
  frames(bytes: Uint8Array): Uint8Array {
    if (!view(bytes).includes(MODEL)) return bytes
    const pieces: Uint8Array[] = []
    const splitter = new FrameSplitter(Infinity)
    splitter.push(bytes)
    while (splitter.next()) pieces.push(...this.frame(splitter.bytes.subarray(splitter.start, splitter.end)))
    pieces.push(...this.frame(splitter.remainder()))
    return Buffer.concat(pieces)
  }

  private frame(frame: Uint8Array): readonly Uint8Array[] {
    const data = view(frame).includes(MODEL) ? dataOf(frame) : null
    return data === null ? [frame] : splice(frame, this.edits(frame.slice(data.start, data.end), data.start))
  }

  private edits(json: Uint8Array, offset: number): Edit[] {
    const object = scanned(json)
    return (object?.members ?? []).flatMap((member) => {
      if (member.key === "model") return this.edit(json, member, offset)
      if (!HOLDERS.has(member.key)) return []
      const inner = scanned(json.slice(member.start, member.end))
      return (inner?.members ?? [])
        .filter(({ key }) => key === "model")
        .flatMap((model) => this.edit(inner?.bytes ?? json, model, offset + member.start))
    })
  }

  private edit(bytes: Uint8Array, { start, end }: Member, by: number): Edit[] {
    return bytes[start] === QUOTE ? [{ start: start + by, end: end + by, bytes: this.value }] : []
  }
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

function scanned(bytes: Uint8Array): ScannedObject | null {
  try {
    return scanObject(bytes, Infinity)
  } catch {
    return null
  }
}

/** Where the frame's data stand. Vendors write them on one line. */
function dataOf(frame: Uint8Array): { readonly start: number; readonly end: number } | null {
  const bytes = view(frame)
  let at = bytes.indexOf(DATA)
  while (at > 0 && bytes[at - 1] !== LF && bytes[at - 1] !== CR) at = bytes.indexOf(DATA, at + 1)
  if (at < 0) return null
  const start = at + DATA.length + (bytes[at + DATA.length] === SPACE ? 1 : 0)
  let end = start
  while (end < bytes.length && bytes[end] !== LF && bytes[end] !== CR) end++
  return { start, end }
}
