import { expect, test } from "bun:test"
import fc from "fast-check"
import { ResponseDecoder } from "./decoder.ts"
import { HttpFault } from "../../http/fault.ts"

function decode(chunks: readonly Uint8Array[]): {
  status: number | undefined
  body: string
  done: boolean
  surplus: boolean
} {
  const decoder = new ResponseDecoder()
  const pieces: Uint8Array[] = []
  for (const chunk of chunks) {
    decoder.push(chunk)
    pieces.push(...decoder.body)
    decoder.body = []
  }
  return {
    status: decoder.head?.status,
    body: Buffer.concat(pieces).toString(),
    done: decoder.done,
    surplus: decoder.surplus,
  }
}

function cut(text: string, places: readonly number[]): Uint8Array[] {
  const bytes = Buffer.from(text)
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b)
  return [...sorted, bytes.length].map((to, index) => bytes.subarray(index === 0 ? 0 : sorted[index - 1], to))
}

test("a chunked body comes out the same however the bytes are cut", () => {
  const chunk = fc.tuple(
    fc.string({ minLength: 1, maxLength: 40 }),
    fc.constantFrom("", ";name=value", ';a;b="c d"'),
    fc.boolean(),
  )
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 6 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      fc.boolean(),
      (parts, places, trailer) => {
        const framed = parts.map(([text, extension, upper]) => {
          const size = Buffer.byteLength(text).toString(16)
          return `${upper ? size.toUpperCase() : size}${extension}\r\n${text}\r\n`
        })
        const wire = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${framed.join("")}0\r\n${trailer ? "x: y\r\n" : ""}\r\n`
        const whole = { status: 200, body: parts.map(([text]) => text).join(""), done: true, surplus: false }
        expect(decode(cut(wire, places))).toEqual(whole)
      },
    ),
  )
})

test("interim answers are skipped, counted and empty bodies end, surplus is noticed", () => {
  const wire = "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
  expect(decode([Buffer.from(wire)])).toEqual({ status: 200, body: "ab", done: true, surplus: false })
  expect(decode([Buffer.from(`${wire}HTTP/1.1`)]).surplus).toBe(true)
  expect(decode([Buffer.from("HTTP/1.1 204 No Content\r\n\r\n")]).done).toBe(true)
})

test("what is no HTTP, or contradicts itself, is refused", () => {
  for (const wire of [
    "HTTP/2 200\r\n\r\n",
    "<html>\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
  ])
    expect(() => decode([Buffer.from(wire)])).toThrow(HttpFault)
})
