import { expect, test } from "bun:test"
import type { Finding } from "../config/findings.ts"
import { excerpt } from "./source-excerpt.ts"

function shown(line: string, about: Partial<Finding>): string {
  const finding: Finding = {
    severity: "error",
    code: "invalid-value",
    message: "",
    path: "",
    line: 1,
    column: 1,
    ...about,
  }
  return excerpt(line, finding).join("\n")
}

test("a value that is wrong is shown, with a caret below", () => {
  expect(shown("    strategy: statik", { path: "models.a.strategy", column: 15 })).toBe(
    "    strategy: statik\n              ^",
  )
})

test("a key of which something is wrong is shown with its value", () => {
  const finding = { path: "models.a.strategy", column: 5, code: "no-effect" as const }
  expect(shown("    strategy: static # why", finding)).toBe("    strategy: static #…\n    ^")
})

test.each([
  ["    api_key: sk-secret-1234", { path: "providers.p.api_key", column: 14 }, "    api_key: …\n             ^"],
  [
    "    apikey: sk-secret-1234",
    { path: "providers.p.apikey", column: 5, code: "unknown-key" as const },
    "    apikey: …\n    ^",
  ],
  [
    '  x: { "apikey": "sk-secret 1, 2", dialect: opena }',
    { path: "providers.x.dialect", column: 45 },
    '  x: { "apikey": …, dialect: opena }\n                             ^',
  ],
  ['    api_key: "sk-secret', { code: "yaml-syntax" as const, column: 14 }, "    api_key: …\n             ^"],
  ["      sk-secret continued", { path: "providers.p.base_url", column: 3 }, "      …\n  ^"],
  [`${"k".repeat(80)}: x`, { path: "k", column: 1, code: "unknown-key" as const }, `${"k".repeat(12)}…: …\n^`],
])("secrets stay hidden: %s", (line, about, expected) => {
  expect(shown(line, about)).toBe(expected)
})

test("long lines are cut around the caret", () => {
  const [text, caret] = shown(`models: { ${"a: { strategy: static }, ".repeat(20)}b: { strategy: statik } }`, {
    path: "models.b.strategy",
    column: 526,
  }).split("\n")
  expect(text!.length).toBeLessThan(105)
  expect(text!.slice(caret!.length - 1)).toStartWith("statik")
})

test.each(["", "\t\u0000 ", "]]]{{{", "'", '"\\', ":", "- - - :", "&a *b !!c"])("odd lines do no harm: %j", (line) => {
  expect(
    excerpt(line, { severity: "error", code: "yaml-syntax", message: "", path: "", line: 1, column: 9 }),
  ).toHaveLength(2)
})
