/** Writes archives that are the same for the same entries: in the order given, of one owner and one time. */
import { createHash } from "node:crypto"

/** POSIX.1-1988 ustar, https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html#tag_20_94_13_06 */
export interface TarEntry {
  /** Without a leading slash; folders end with one. At most 100 bytes, or a prefix of 155 and a name of 100. */
  readonly path: string
  /** Absent: a folder. */
  readonly content?: Uint8Array | string
  /** Permissions, like 0o755. */
  readonly mode: number
  /** User and group; 0 by default. */
  readonly owner?: number
}

const BLOCK = 512

/** @param seconds the time of every entry, since 1970 */
export function tar(entries: readonly TarEntry[], seconds: number): Buffer {
  const parts: Uint8Array[] = []
  for (const entry of entries) {
    const content = typeof entry.content === "string" ? Buffer.from(entry.content) : (entry.content ?? new Uint8Array())
    parts.push(header(entry, content.length, seconds), content, new Uint8Array(-content.length & (BLOCK - 1)))
  }
  return Buffer.concat([...parts, new Uint8Array(2 * BLOCK)])
}

/** The same bytes everywhere: the header of gzip has no name and no time. */
export function gzip(bytes: Uint8Array): Buffer {
  return Buffer.from(Bun.gzipSync(new Uint8Array(bytes), { level: 6 }))
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex")
}

function header({ path, mode, owner = 0, content }: TarEntry, size: number, seconds: number): Buffer {
  const block = Buffer.alloc(BLOCK)
  const { name, prefix } = splitPath(path)
  block.write(name, 0)
  block.write(octal(mode, 8), 100)
  block.write(octal(owner, 8), 108)
  block.write(octal(owner, 8), 116)
  block.write(octal(size, 12), 124)
  block.write(octal(seconds, 12), 136)
  block.write(" ".repeat(8), 148)
  block.write(content === undefined ? "5" : "0", 156)
  block.write("ustar\u000000", 257)
  block.write(octal(0, 8), 329)
  block.write(octal(0, 8), 337)
  block.write(prefix, 345)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, "0")}\u0000 `, 148)
  return block
}

function splitPath(path: string): { readonly name: string; readonly prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: "" }
  const cut = path.indexOf("/", path.length - 101)
  if (cut === -1 || cut > 155 || cut === path.length - 1)
    throw new Error(`the path is too long for an archive: ${path}`)
  return { name: path.slice(cut + 1), prefix: path.slice(0, cut) }
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\u0000`
}
