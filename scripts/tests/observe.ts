/**
 * Preloaded into every test process: writes which file runs, for the runner, and fails a test that asserts nothing.
 * Lines of the file named by TEST_EVENTS: `begin|end <pid> <path>`.
 */
import { afterAll, beforeAll, beforeEach, expect } from "bun:test"
import { appendFileSync } from "node:fs"

const events = process.env["TEST_EVENTS"]

function write(event: "begin" | "end"): void {
  if (events !== undefined) appendFileSync(events, `${event} ${process.pid} ${Bun.main}\n`)
}

beforeAll(() => write("begin"))
beforeEach(() => {
  expect.hasAssertions()
})
afterAll(() => write("end"))
