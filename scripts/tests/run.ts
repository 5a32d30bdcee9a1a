/**
 * Runs the tests of src/ and test/, or those that the arguments name, several files at a time.
 *
 *   scripts/test [--slow] [--whole] [--seed=N] [--minutes=N] [paths]
 *
 * Without `--slow` the files `*.slow.test.ts` are left out; with it, only they run. `--whole` runs every case of what is
 * else sampled by the seed. Results are printed as they come. The last line is `N passed, N failed, N skipped`.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import { parseArgs } from "node:util"
import { adoptOrphans, descendants, kill, reapOrphans } from "./processes.ts"
import { Results } from "./results.ts"
import { RunningFiles } from "./running-files.ts"

const ROOT = path.resolve(import.meta.dir, "../..")
/** Against a test that hangs: a hundred times what the longest takes on a quiet machine. */
const LONGEST_TEST_MS = 600_000
const FILES_AT_A_TIME = 6
/** Tests under load need the machine for themselves. */
const SLOW_FILES_AT_A_TIME = 2
const SLOWEST_SHOWN = 20
const LOOK_MS = 500

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    slow: { type: "boolean", default: false },
    whole: { type: "boolean", default: false },
    seed: { type: "string" },
    minutes: { type: "string", default: "30" },
  },
})
const seed = values.seed ?? String(1 + Math.floor(Math.random() * 1_000_000))
const longestRunMs = Number(values.minutes) * 60_000
const files = chosenFiles(positionals)

adoptOrphans()
const folder = mkdtempSync(path.join(tmpdir(), "smart-router-test-"))
const cache = path.join(ROOT, "node_modules/.cache/smart-router")
mkdirSync(cache, { recursive: true })
const results = new Results()
const running = new RunningFiles(path.join(folder, "events"), ROOT, () => performance.now())
console.log(`${files.length} files, ${values.whole || values.slow ? "every case" : `cases drawn by --seed=${seed}`}`)

const tests = Bun.spawn([process.execPath, "test", ...options(), ...files.map((file) => `./${file}`)], {
  cwd: ROOT,
  env: {
    ...process.env,
    TEST_EVENTS: path.join(folder, "events"),
    TEST_SCOPE: values.whole || values.slow ? "whole" : "sample",
    // the engine's last optimization pays off in processes that live longer; a whole run has it
    ...(values.whole || values.slow ? {} : { BUN_JSC_useFTLJIT: "0" }),
    TEST_SEED: seed,
  },
  stdio: ["ignore", "pipe", "pipe"],
})
let stoppedBy: string | null = null
const stop = (reason: string): void => {
  stoppedBy ??= reason
  // also what tests started: pipes that a router holds open would keep this runner waiting
  kill(descendants())
}
const limit = setTimeout(() => stop(`the limit of ${values.minutes} minutes`), longestRunMs)
for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => stop(signal))
const look = setInterval(() => {
  showFinished()
  reapOrphans(tests.pid)
}, LOOK_MS)

let printedFile = ""
const printed = Promise.all([print(tests.stdout), print(tests.stderr)])
const exitCode = await tests.exited
clearTimeout(limit)
const leftBehind = stoppedBy === null ? descendants() : []
kill(descendants())
await printed
clearInterval(look)
showFinished()
process.exitCode = report() ? 0 : 1
running.close()
rmSync(folder, { recursive: true, force: true })

function chosenFiles(named: readonly string[]): string[] {
  const all = [...new Bun.Glob("{src,test,scripts}/**/*.test.ts").scanSync({ cwd: ROOT })]
  const now = all.filter((file) => file.endsWith(".slow.test.ts") === values.slow).toSorted()
  const wanted = named.map((name) => path.relative(ROOT, path.resolve(name)))
  if (wanted.length === 0) return now
  return wanted.flatMap((name) => (name.endsWith(".ts") ? [name] : now.filter((file) => file.startsWith(`${name}/`))))
}

function options(): string[] {
  const timings = path.join(cache, values.slow ? "slow-timings.json" : "timings.json")
  return [
    "--no-env-file",
    "--config=/dev/null",
    "--no-orphans",
    "--no-isolate",
    `--timeout=${LONGEST_TEST_MS}`,
    `--parallel=${values.slow ? SLOW_FILES_AT_A_TIME : FILES_AT_A_TIME}`,
    `--preload=${path.join(import.meta.dir, "observe.ts")}`,
    `--timings=${timings}`,
    "--update-timings",
  ]
}

async function print(channel: ReadableStream<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder()
  let rest = ""
  for await (const part of channel) {
    const lines = (rest + decoder.decode(part, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) printLine(line)
  }
  if (rest !== "") printLine(rest)
}

/** Passed tests are only counted. */
function printLine(text: string): void {
  const line = results.take(text)
  if (line === null || line.outcome === "passed" || line.text.trim() === "") return
  if (line.file !== printedFile) console.log(`\n${line.file}:`)
  printedFile = line.file
  console.log(line.text)
}

function showFinished(): void {
  for (const { file, ms } of running.look()) {
    console.log(`${seconds(ms)}  ${file}`)
    printedFile = ""
  }
}

/** @returns whether all is well */
function report(): boolean {
  const slowest = running.finished.toSorted((left, right) => right.ms - left.ms).slice(0, SLOWEST_SHOWN)
  if (files.length > SLOWEST_SHOWN) console.log("\nThe slowest files:")
  if (files.length > SLOWEST_SHOWN) for (const { file, ms } of slowest) console.log(`${seconds(ms)}  ${file}`)
  for (const name of results.skippedTests) console.log(`skipped: ${name}`)
  if (stoppedBy !== null) {
    console.log(`\nThe tests were stopped by ${stoppedBy}. Still running:`)
    for (const { file, ms } of running.running) {
      console.log(`${seconds(ms)}  ${file}, after the test: ${results.lastTest.get(file) ?? "none"}`)
    }
  }
  for (const name of results.failedTests) console.log(`failed: ${name}`)
  for (const { pid, command } of leftBehind) console.log(`left behind, now ended: ${pid} ${command}`)
  const { passed, failed, skipped } = results.total()
  const unexplained = failed === 0 && exitCode !== 0 ? 1 : 0
  if (stoppedBy === null && !results.agree) console.log("The lines of single tests and the summary of the run differ.")
  const failures = failed + unexplained + leftBehind.length
  console.log(`${passed} passed, ${failures} failed, ${skipped} skipped`)
  return failures === 0
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(7)} s`
}
