/** Whole bodies, within a bound. */

type Body = ReadableStream<Uint8Array<ArrayBuffer>> | null

/** What is used of a body's reader. */
export interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
  cancel(): Promise<void>
}

/** A body of unknown length, counted while it arrives. @throws RangeError beyond `maxBytes`, after `excess` has seen the rest */
export async function collect(
  body: Body,
  maxBytes: number,
  excess: (reader: Reader) => Promise<void> = (reader) => reader.cancel(),
): Promise<Uint8Array> {
  if (body === null) return new Uint8Array(0)
  const reader: Reader = body.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { value } = await reader.read()
    if (value === undefined) break
    size += value.length
    if (size > maxBytes) {
      chunks.length = 0
      await excess(reader)
      throw new RangeError("the body is too large")
    }
    chunks.push(value)
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, size)
}

/** The whole body of an answer. @throws RangeError when it is larger than `maxBytes` */
export async function readBounded(response: Response, maxBytes: number): Promise<Uint8Array> {
  const length = Number(response.headers.get("content-length") ?? Number.NaN)
  if (length > maxBytes) {
    await response.body?.cancel()
    throw new RangeError("the answer is too large")
  }
  // a length that was declared is also the most that arrives
  if (length >= 0 && response.headers.get("content-encoding") === null)
    return new Uint8Array(await response.arrayBuffer())
  return collect(response.body, maxBytes)
}
