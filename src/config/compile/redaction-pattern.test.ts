import { expect, test } from "bun:test"
import { redactionPattern } from "./redaction-pattern.ts"

const found = (written: string, text: string): string[] => {
  const { source, flags } = redactionPattern(written)
  return [...text.matchAll(new RegExp(source, flags))].map(([match]) => match)
}

test("expressions mean what they mean to RE2", () => {
  expect(found("(?i)ticket-[[:digit:]]{2}", "TICKET-12 ticket-3")).toEqual(["TICKET-12"])
  expect(found("(?P<name>[[:alpha:]_]+)", "ab_c 1")).toEqual(["ab_c"])
  expect(found(String.raw`(?m)\Aab|^cd\z`, "ab\nab\ncd\ncd")).toEqual(["ab", "cd"])
  expect(found(String.raw`a\\A`, String.raw`a\A`)).toEqual([String.raw`a\A`])
})

test("what the engine cannot say is refused, never taken to mean something else", () => {
  for (const written of ["a(b", "[[:nothing:]", String.raw`\Qa.b\E`, "(?U)a+", String.raw`\C`])
    expect(() => redactionPattern(written)).toThrow(SyntaxError)
})
