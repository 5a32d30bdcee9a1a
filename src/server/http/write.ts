/** The bytes of answers. */
import { STATUS_CODES } from "node:http"
import type { Outgoing } from "../../pipeline/message.ts"

export const LAST_CHUNK: Uint8Array = Buffer.from("0\r\n\r\n")

/** Status line and header fields, in Latin-1. `framing`: the length of the body, "chunked", or "close" where the connection ends it. */
export function headOf(
  answer: Outgoing,
  framing: number | "chunked" | "close",
  keepAlive: boolean,
  date: string,
): string {
  let text = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ""}\r\ndate: ${date}\r\n`
  for (const name in answer.headers) text = `${text}${name}: ${answer.headers[name]}\r\n`
  if (framing === "chunked") text = `${text}transfer-encoding: chunked\r\n`
  else if (framing !== "close" && answer.status !== 204 && answer.status !== 304)
    text = `${text}content-length: ${framing}\r\n`
  return keepAlive ? `${text}\r\n` : `${text}connection: close\r\n\r\n`
}

const HEX = Buffer.from("0123456789abcdef")
const CR = 13
const LF = 10

/** One chunk with its framing. */
export function chunkOf(bytes: Uint8Array): Uint8Array {
  const { length } = bytes
  let digits = 1
  for (let rest = length >>> 4; rest > 0; rest >>>= 4) digits++
  const chunk = Buffer.allocUnsafe(digits + 4 + length)
  for (let at = digits - 1, rest = length; at >= 0; at--, rest >>>= 4) chunk[at] = HEX[rest & 15] ?? 0
  chunk[digits] = CR
  chunk[digits + 1] = LF
  chunk.set(bytes, digits + 2)
  chunk[digits + 2 + length] = CR
  chunk[digits + 3 + length] = LF
  return chunk
}
