import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { expectProperty } from "../test/helpers/property.ts"
import { cell, errorMessage, errorParam, foreignId, loggableText, plain, printable, token } from "./bounded-text.ts"

describe("a word of a vendor's list", () => {
  test.each(["stop", "end_turn", "max_output_tokens", "SAFETY", "eu-west/2", "a".repeat(64)])("%s stays", (word) => {
    expect(token(word)).toBe(word)
  })

  test.each(["", "two words", "a".repeat(65), "stop\n", "\u001b[31m", "größe", "a\u0000"])("%p is `other`", (word) => {
    expect(token(word)).toBe("other")
  })
})

test("free text keeps what people read, and loses what terminals obey", () => {
  expect(plain("größe 日本 👩‍💻 …", 100)).toBe("größe 日本 👩‍💻 …")
  expect(plain("a\u001b]0;x\u0007b\r\nc\u009bd\u202ee\u2028f", 100)).toBe("a ]0;x b c d e f")
  expect(plain("abcdef", 4)).toBe("abc…")
  // a pair is not cut in halves
  expect(plain("abc👩👩", 5)).toBe("abc\ufffd…")
})

test("lines of JSON keep their escaped line breaks, printed text its own", () => {
  expect(loggableText("a\nb\u0085c\u007fd")).toBe("a\nb c d")
  expect(printable("a\n\tb\u001b[2Jc\rd\u009be")).toBe("a\n\tb [2Jc d e")
})

// oxlint-disable-next-line no-control-regex -- these are what must not be there
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/

test("whatever the text, its length and its characters are bounded", () => {
  const bounds = [
    [token, 64],
    [foreignId, 128],
    [errorParam, 256],
    [cell, 256],
    [errorMessage, 2000],
  ] as const
  const texts = fc.oneof(fc.string({ unit: "binary", maxLength: 3000 }), fc.string({ maxLength: 3000 }))
  expectProperty(
    fc.property(texts, (text) => {
      for (const [bound, longest] of bounds) {
        const result = bound(text)
        expect(result.length).toBeLessThanOrEqual(longest)
        expect(result.isWellFormed()).toBeTrue()
        expect(UNPRINTABLE.test(result)).toBeFalse()
        expect(bound(result)).toBe(result)
      }
    }),
  )
})
