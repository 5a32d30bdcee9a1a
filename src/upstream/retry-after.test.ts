import { expect, test } from "bun:test"
import { retryAfterMs } from "./retry-after.ts"

test("seconds, dates, nonsense and absurd waits", () => {
  const now = Date.UTC(2026, 10, 22, 12, 0, 0)
  expect(retryAfterMs("7", now)).toBe(7000)
  expect(retryAfterMs("0.5", now)).toBe(500)
  expect(retryAfterMs("Sun, 22 Nov 2026 12:00:30 GMT", now)).toBe(30_000)
  expect(retryAfterMs("Sun, 22 Nov 2026 11:00:00 GMT", now)).toBe(0)
  expect(retryAfterMs("999999999", now)).toBe(86_400_000)
  expect(retryAfterMs("soon", now)).toBeNull()
  expect(retryAfterMs(null, now)).toBeNull()
})
