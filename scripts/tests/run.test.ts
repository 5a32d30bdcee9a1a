/** The test runner tells the truth about every way in which tests go wrong. */
import { expect, test } from "bun:test"
import { isRunning, runFixtures } from "./run-fixtures.ts"

test("a test that asserts nothing fails, and is named", async () => {
  const { code, output, lastLine } = await runFixtures(["asserts-nothing"])
  expect(code).toBe(1)
  expect(lastLine).toBe("1 passed, 1 failed, 1 skipped")
  expect(output).toContain("failed: scripts/tests/fixtures/asserts-nothing.spec.ts: a test asserts nothing")
  expect(output).toContain("skipped: scripts/tests/fixtures/asserts-nothing.spec.ts: a test is skipped")
})

test("a file that cannot be loaded is a failure beside the results of the others", async () => {
  const { code, output, lastLine } = await runFixtures(["asserts-nothing", "cannot-load"])
  expect(code).toBe(1)
  expect(lastLine).toBe("1 passed, 2 failed, 1 skipped")
  expect(output).toContain("this file cannot be loaded")
})

test("a process that a test leaves behind is a failure, and is ended", async () => {
  const { code, output, lastLine } = await runFixtures(["leaves-a-process"])
  expect(code).toBe(1)
  expect(lastLine).toBe("1 passed, 1 failed, 0 skipped")
  expect(output).toMatch(/left behind, now ended: \d+ .*sleep 3602/u)
  expect(isRunning("sleep 3602")).toBe(false)
})
