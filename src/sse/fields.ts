/** Reads the fields of one frame (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation). */

const decoder = new TextDecoder()

/** The `event` and `data` fields of one frame as text; `data` is null where the frame has none (comments, blank lines). */
export interface FrameFields {
  readonly event: string | null
  readonly data: string | null
}

/** All fields of a frame. A leading byte order mark is ignored by the decoder. */
export function readFields(bytes: Uint8Array, start: number, end: number): FrameFields {
  let event: string | null = null
  let data: string | null = null
  for (const line of decoder.decode(bytes.subarray(start, end)).split(/\r\n|\n|\r/)) {
    const value = fieldValue(line, "data")
    if (value !== null) data = data === null ? value : `${data}\n${value}`
    else event = fieldValue(line, "event") ?? event
  }
  return { event, data }
}

function fieldValue(line: string, name: string): string | null {
  if (!line.startsWith(name)) return null
  if (line.length === name.length) return ""
  if (line[name.length] !== ":") return null
  return line.slice(line[name.length + 1] === " " ? name.length + 2 : name.length + 1)
}

/** Does the frame start with exactly these bytes? */
export function startsWith(bytes: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  if (end - start < prefix.length) return false
  for (let index = 0; index < prefix.length; index++) if (bytes[start + index] !== prefix[index]) return false
  return true
}
