/** Reading files that an operator names: no pipe, device or socket holds up a running router, and none is read without end. */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs"

const FIRST_READ_BYTES = 65_536

/** Throws what Node throws, or an Error with a sentence where it is no regular file or has more than `maxBytes`. */
export function readRegularFile(path: string, maxBytes: number): Buffer {
  // opening some devices already does something
  if (!statSync(path).isFile()) throw notRegular(path)
  // without O_NONBLOCK the opening of a pipe that took the file's place waits for a writer
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = fstatSync(file)
    if (!stats.isFile()) throw notRegular(path)
    if (stats.size > maxBytes) throw tooLarge(maxBytes)
    return readToEnd(file, stats.size, maxBytes)
  } finally {
    closeSync(file)
  }
}

/** Files of `/proc` say that they are empty, and others grow meanwhile: the end counts, not the size. */
function readToEnd(file: number, size: number, maxBytes: number): Buffer {
  let bytes = Buffer.allocUnsafe(size === 0 ? FIRST_READ_BYTES : size + 1)
  let length = 0
  for (;;) {
    const read = readSync(file, bytes, length, bytes.length - length, null)
    if (read === 0) return bytes.subarray(0, length)
    length += read
    if (length > maxBytes) throw tooLarge(maxBytes)
    if (length === bytes.length) bytes = Buffer.concat([bytes], bytes.length * 2)
  }
}

export function notRegular(path: string): Error {
  return new Error(statSync(path).isDirectory() ? "it is a directory" : "it is no regular file")
}

export function tooLarge(maxBytes: number): Error {
  return new Error(`it is larger than ${maxBytes / 1024 / 1024} MiB`)
}
