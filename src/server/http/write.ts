/** The bytes of answers. */
import { STATUS_CODES } from "node:http"
import type { Outgoing } from "../../pipeline/message.ts"

export const LAST_CHUNK: Uint8Array = Buffer.from("0\r\n\r\n")

/** Status line and header fields. `framing`: the length of the body, "chunked", or "close" where the connection ends it. */
export function headOf(
  answer: Outgoing,
  framing: number | "chunked" | "close",
  keepAlive: boolean,
  date: string,
): Uint8Array {
  let text = `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ""}\r\ndate: ${date}\r\n`
  for (const name in answer.headers) text += `${name}: ${answer.headers[name]}\r\n`
  if (framing === "chunked") text += "transfer-encoding: chunked\r\n"
  else if (framing !== "close" && answer.status !== 204 && answer.status !== 304)
    text += `content-length: ${framing}\r\n`
  if (!keepAlive) text += "connection: close\r\n"
  return Buffer.from(`${text}\r\n`, "latin1")
}

/** One chunk with its framing. */
export function chunkOf(bytes: Uint8Array): Uint8Array {
  const size = bytes.length.toString(16)
  const chunk = Buffer.allocUnsafe(size.length + 4 + bytes.length)
  chunk.write(size, 0, "latin1")
  chunk.write("\r\n", size.length, "latin1")
  chunk.set(bytes, size.length + 2)
  chunk.write("\r\n", size.length + 2 + bytes.length, "latin1")
  return chunk
}
