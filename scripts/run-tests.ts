/**
 * Runs `bun test` over src/ and test/ (or the paths given), several files at a time because most tests wait for something,
 * then says what was skipped and how it went.
 * A test that cannot run on a machine is skipped with the reason in its name.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** Against a run that hangs; the tests take a fraction of it. */
const LONGEST_RUN_MS = 480_000
const LONGEST_TEST_MS = 30_000
const FILES_AT_A_TIME = 3

const folder = mkdtempSync(join(tmpdir(), "smart-router-test-"))
const report = join(folder, "junit.xml")
const paths = process.argv.length > 2 ? process.argv.slice(2) : ["./src", "./test"]

const run = Bun.spawn(
  [
    process.execPath,
    "test",
    "--no-env-file",
    "--config=/dev/null",
    `--timeout=${LONGEST_TEST_MS}`,
    "--only-failures",
    `--parallel=${FILES_AT_A_TIME}`,
    "--no-isolate",
    "--reporter=junit",
    `--reporter-outfile=${report}`,
    ...paths,
  ],
  { stdio: ["ignore", "inherit", "inherit"], timeout: LONGEST_RUN_MS, killSignal: "SIGKILL" },
)
const exitCode = await run.exited
const counts = summarise(readReport())
if (run.signalCode !== null)
  console.log(`The tests were stopped by ${run.signalCode} (limit: ${LONGEST_RUN_MS / 1000} s).`)
for (const name of counts.skippedNames) console.log(`skipped: ${name}`)
// a file that cannot be loaded fails the run without failing a test
const failures = exitCode !== 0 && counts.failed === 0 ? 1 : counts.failed
console.log(`${counts.passed} passed, ${failures} failed, ${counts.skipped} skipped`)
rmSync(folder, { recursive: true, force: true })
process.exitCode = failures === 0 ? 0 : 1

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly skippedNames: readonly string[]
}

/** Bun writes the report at the end: a run that was stopped has none, and then nothing counts as passed. */
function readReport(): string {
  try {
    return readFileSync(report, "utf8")
  } catch {
    return ""
  }
}

function summarise(xml: string): Counts {
  const cases = xml.match(/<testcase [^>]*?(?:\/>|>.*?<\/testcase>)/gsu) ?? []
  const failed = cases.filter((one) => one.includes("<failure") || one.includes("<error")).length
  const skipped = cases.filter((one) => one.includes("<skipped"))
  return {
    passed: cases.length - failed - skipped.length,
    failed,
    skipped: skipped.length,
    skippedNames: skipped.map((one) => `${attribute(one, "file")}: ${attribute(one, "name")}`),
  }
}

function attribute(element: string, name: string): string {
  const value = new RegExp(` ${name}="([^"]*)"`, "u").exec(element)?.[1] ?? ""
  return value.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&")
}
