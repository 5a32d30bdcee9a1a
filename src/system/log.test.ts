import { expect, test } from "bun:test"
import { systemClock } from "./clock.ts"
import { jsonLog } from "./log.ts"

const clock = { ...systemClock, now: () => Date.UTC(2026, 10, 22), monotonicMs: () => 0 }

function logged(fields: Readonly<Record<string, unknown>>): unknown {
  const lines: string[] = []
  jsonLog(clock, (line) => lines.push(line)).warn("something", fields)
  expect(lines).toHaveLength(1)
  expect(lines[0]?.endsWith("\n")).toBe(true)
  return JSON.parse(lines[0] ?? "")
}

const head = { ts: "2026-11-22T00:00:00.000Z", level: "warn", message: "something" }

test("an event is one line of JSON", () => {
  expect(logged({ calls: 3, text: "two\nlines" })).toEqual({ ...head, calls: 3, text: "two\nlines" })
})

test("an error is shown by name and message", () => {
  expect(logged({ error: new RangeError("too far") })).toEqual({ ...head, error: "RangeError: too far" })
})

test("fields that JSON cannot hold never throw", () => {
  const circle: Record<string, unknown> = {}
  circle["self"] = circle
  expect(logged({ circle })).toEqual(head)
  expect(logged({ big: 10n })).toEqual({ ...head, big: "10" })
})
