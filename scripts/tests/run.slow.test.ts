/** The runner at its own limit. Slow: the limit must leave a slow machine time for the test that passes. */
import { expect, test } from "bun:test"
import { isRunning, runFixtures } from "./run-fixtures.ts"

test("a run that hangs names its file, counts what has passed, and leaves no process", async () => {
  const { code, output, lastLine } = await runFixtures(["hangs"], "--minutes=0.5")
  expect(code).toBe(1)
  expect(lastLine).toBe("1 passed, 1 failed, 0 skipped")
  expect(output).toContain("scripts/tests/fixtures/hangs.spec.ts, after the test: a test passes")
  // killed; on a busy machine the system takes its time to end it
  for (let tries = 0; tries < 200 && isRunning("sleep 3601"); tries += 1) await Bun.sleep(50)
  expect(isRunning("sleep 3601")).toBe(false)
})
