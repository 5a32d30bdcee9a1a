/** Cuts a file of lines into blocks, so that a change in one place leaves the blocks of all others as they were. */

export interface Block {
  /** The number of its first line, from 1. */
  readonly firstLine: number
  /** Whole lines. Good until the next block is asked for. */
  readonly bytes: Uint8Array
}

/** In bytes. */
export const LONGEST_LINE = 65_536
const LONGEST_BLOCK = 16_384
const PART_BYTES = 262_144
const NEW_LINE = 10

/** Throws an Error with a sentence where a line is too long. */
export async function* blocksOf(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Block> {
  const data = new Uint8Array(LONGEST_BLOCK + LONGEST_LINE + PART_BYTES)
  let [length, lineStart, line, firstLine] = [0, 0, 1, 1]
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PART_BYTES) {
      const part = chunk.subarray(at, at + PART_BYTES)
      data.set(part, length)
      let from = length
      length += part.length
      let blockStart = 0
      for (let end = indexOfLineEnd(data, from, length); end >= 0; end = indexOfLineEnd(data, from, length)) {
        from = end + 1
        line += 1
        if (endsBlock(data.subarray(lineStart, end)) || from - blockStart >= LONGEST_BLOCK) {
          yield { firstLine, bytes: data.subarray(blockStart, from) }
          blockStart = from
          firstLine = line
        }
        lineStart = from
      }
      if (length - lineStart > LONGEST_LINE)
        throw new Error(`its line ${line} is longer than ${LONGEST_LINE >> 10} KiB`)
      data.copyWithin(0, blockStart, length)
      length -= blockStart
      lineStart -= blockStart
    }
  }
  if (length > 0) yield { firstLine, bytes: data.subarray(0, length) }
}

function indexOfLineEnd(data: Uint8Array, from: number, length: number): number {
  const found = data.indexOf(NEW_LINE, from)
  return found < length ? found : -1
}

const LINES_OF_A_BLOCK = 32

/** Goes by the line alone, wherever it stands: about one line of 32 ends a block. */
function endsBlock(line: Uint8Array): boolean {
  return Bun.hash.crc32(line) % LINES_OF_A_BLOCK === 0
}
