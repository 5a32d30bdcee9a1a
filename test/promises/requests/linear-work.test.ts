/**
 * No request, answer or stream takes work out of proportion to its size, however it is made. Larger sizes, and every dialect
 * into every other: `linear-work.slow.test.ts`.
 */
import { expect, test } from "bun:test"
import { estimateInputTokens } from "../../../src/dialects/messages/token-estimate.ts"
import { ChunkedReader } from "../../../src/http/chunked.ts"
import { decisionOf } from "../../../src/routing/policy/decision.ts"
import { FrameSplitter } from "../../../src/sse/frames.ts"
import { expectLinear } from "../../helpers/linear.ts"
import { ANSWERS, REQUESTS, scanned, streamed, translated } from "../../helpers/linear-cases.ts"
import { DIALECTS, type Dialect } from "../../helpers/samples.ts"

/** Each in turn, so that every dialect is written. */
const inTurn = <Case>(cases: readonly Case[]): (Case & { readonly to: Dialect })[] =>
  cases.map((one, index) => ({ ...one, to: DIALECTS[index % DIALECTS.length]! }))

test.each(inTurn(REQUESTS))(
  "a request is read and written: $dialect to $to, with many $name",
  ({ dialect, to, make }) => {
    expectLinear(translated(dialect, to, make), 1000)
  },
)

test.each(REQUESTS)("a body is scanned, and its shape is told: $dialect with many $name", ({ dialect, make }) => {
  expectLinear(scanned(dialect, make), 4000)
})

test.each(inTurn(ANSWERS))(
  "a stream is read and written: $dialect to $to, with many $name",
  ({ dialect, to, make }) => {
    expectLinear(streamed(dialect, to, make), 1000)
  },
)

test("events are split, whether they are many, or one that comes in many pieces", () => {
  const pieces: Readonly<Record<string, (count: number) => Buffer[]>> = {
    many: (count) => [Buffer.from("data: 1\n\n".repeat(count))],
    one: (count) => Array.from({ length: count }, () => Buffer.from("data: 1\n")),
    blank: (count) => [Buffer.from("\n".repeat(count))],
  }
  for (const make of Object.values(pieces)) {
    expectLinear((count) => {
      const all = make(count * 8)
      return () => {
        const splitter = new FrameSplitter(Infinity)
        return all.map((piece) => {
          splitter.push(piece)
          let frames = 0
          while (splitter.next()) frames++
          return frames
        })
      }
    })
  }
})

test("chunks are taken off the wire, however small", () => {
  expectLinear((count) => {
    const wire = Buffer.from("1\r\nx\r\n".repeat(count * 8))
    // the reader moves bytes together in what it is given
    return () => new ChunkedReader().push(Buffer.from(wire), 0, () => {})
  })
})

test("tokens are estimated, and decisions of policies read", () => {
  expectLinear((count) => {
    const content = Array.from({ length: count }, () => ({ type: "text", text: "word" }))
    return () => estimateInputTokens({ messages: [{ role: "user", content }] })
  })
  expectLinear((count) => {
    const json = JSON.stringify({
      target: { provider: "p", model: "m" },
      fallbacks: Array.from({ length: count }, (_, at) => ({ provider: "p", model: `m${at}` })),
    })
    return () => decisionOf(json, [])
  })
})

test("work that grows faster is found", () => {
  const steep = (count: number) => () => {
    let sum = 0
    for (let outer = 0; outer < count / 400; outer++)
      for (let left = 0; left < count; left++) for (let right = 0; right < count; right++) sum += left ^ right
    return sum
  }
  expect(() => expectLinear(steep, 500)).toThrow()
})
