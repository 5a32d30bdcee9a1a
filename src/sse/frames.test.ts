import { expect, test } from "bun:test"
import fc from "fast-check"
import { readFields } from "./fields.ts"
import { FrameSplitter } from "./frames.ts"
import { expectProperty } from "../../test/helpers/property.ts"

function split(chunks: readonly Uint8Array[], max = 1 << 20): { frames: string[]; rest: string } {
  const splitter = new FrameSplitter(max)
  const frames: string[] = []
  for (const chunk of chunks) {
    splitter.push(chunk)
    while (splitter.next())
      frames.push(Buffer.from(splitter.bytes.subarray(splitter.start, splitter.end)).toString("latin1"))
  }
  return { frames, rest: Buffer.from(splitter.remainder()).toString("latin1") }
}

test("cutting the bytes anywhere gives the same frames, and all bytes come out", () => {
  const line = fc.constantFrom("data: é", "event: a", ":", ": comment", "data:", "data: x\u2028y", "id: 1", "retry: 5")
  const frame = fc.tuple(fc.array(line, { minLength: 1, maxLength: 3 }), fc.constantFrom("\n", "\r\n"))
  expectProperty(
    fc.property(fc.array(frame, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 12 }), (parts, cuts) => {
      const texts = parts.map(([lines, eol]) => lines.map((l) => l + eol).join("") + eol)
      const bytes = Buffer.from(`${texts.join("")}data: tail`)
      const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b)
      const chunks: Uint8Array[] = []
      let from = 0
      for (const place of [...places, bytes.length]) {
        chunks.push(bytes.subarray(from, place))
        from = place
      }
      const whole = split([bytes])
      expect(split(chunks)).toEqual(whole)
      expect(whole.frames).toEqual(texts.map((text) => Buffer.from(text).toString("latin1")))
      expect(whole.rest).toBe("data: tail")
    }),
  )
})

test("lone CR ends lines; a CR at the end of a chunk waits for its LF", () => {
  expect(split([Buffer.from("data: a\r\rdata: b\r"), Buffer.from("\n\r\n")])).toEqual({
    frames: ["data: a\r\r", "data: b\r\n\r\n"],
    rest: "",
  })
})

test("a long frame in small chunks leaves what was handed out as it was", () => {
  const frames = [70_000, 3, 200_000, 40_000, 1].map((size, index) => `data: ${String(index).repeat(size)}\n\n`)
  const bytes = Buffer.from(frames.join(""))
  const splitter = new FrameSplitter(1 << 20)
  const seen: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += 4093) {
    splitter.push(bytes.subarray(at, at + 4093))
    while (splitter.next()) seen.push(splitter.bytes.subarray(splitter.start, splitter.end))
  }
  expect(seen.map((frame) => Buffer.from(frame).toString())).toEqual(frames)
  expect(splitter.remainder().length).toBe(0)
})

test("a frame beyond the bound is refused", () => {
  const chunk = Buffer.from(`data: ${"x".repeat(600)}`)
  expect(() => split([chunk, chunk, chunk], 1000)).toThrow(RangeError)
})

test("fields have names, one optional space, several data lines, comments and a byte order mark", () => {
  const fields = (text: string): unknown => {
    const bytes = Buffer.from(text)
    return readFields(bytes, 0, bytes.length)
  }
  expect(fields("event: a\ndata: 1\ndata:2\ndata\n\n")).toEqual({ event: "a", data: "1\n2\n" })
  expect(fields(": x\r\n\r\n")).toEqual({ event: null, data: null })
  expect(fields("\ufeffdata:  y\n\n")).toEqual({ event: null, data: " y" })
  expect(fields("database: 1\n\n")).toEqual({ event: null, data: null })
})
