import { expect, test } from "bun:test"
import { BadRequest } from "./head.ts"
import { Pending } from "./pending.ts"

const HEAD = `GET / HTTP/1.1\r\nHost: h\r\nX-Long: ${"x".repeat(3000)}`

function refusal(pending: Pending): number {
  try {
    pending.takeHead()
    return 0
  } catch (error) {
    if (error instanceof BadRequest) return error.status
    throw error
  }
}

test("a head is found however its bytes are cut, and what stands behind it is left", () => {
  const wire = Buffer.from(`\r\n${HEAD}\r\n\r\nthe rest`)
  for (let step = 1; step < wire.length; step += step < 20 ? 1 : 97) {
    const pending = new Pending()
    let head: string | null = null
    for (let at = 0; at < wire.length; at += step) {
      pending.add(wire.subarray(at, at + step))
      if (pending.length > 0) head ??= pending.takeHead()
    }
    expect(head).toBe(HEAD)
    expect(Buffer.from(pending.takeRest() ?? []).toString()).toBe("the rest")
    expect(pending.takeRest()).toBe(null)
  }
})

test("what arrived is not changed by what arrives later", () => {
  const first = Buffer.from("GET / HT")
  const pending = new Pending()
  pending.add(first)
  for (let count = 0; count < 100; count++) pending.add(Buffer.from("x"))
  expect(first.toString()).toBe("GET / HT")
})

test("a head has 64 KiB, empty lines before it 64 bytes, and half a line end none", () => {
  const large = new Pending()
  for (let count = 0; count < 16; count++) {
    large.add(Buffer.alloc(4096, "x"))
    expect(refusal(large)).toBe(0)
  }
  large.add(Buffer.from("x"))
  expect(refusal(large)).toBe(431)
  const blank = new Pending()
  for (let count = 0; count < 32; count++) {
    blank.add(Buffer.from("\r\n"))
    expect(refusal(blank)).toBe(0)
  }
  blank.add(Buffer.from("\r\n"))
  expect(refusal(blank)).toBe(400)
  for (const wire of ["GET / HTTP/1.1\n", "GET / HTTP/1.1\rx", "a\nGET"]) {
    const half = new Pending()
    half.add(Buffer.from(wire))
    expect(refusal(half)).toBe(400)
  }
})
