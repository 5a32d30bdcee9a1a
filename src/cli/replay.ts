import { DURATION, parseDurationMs } from "../config/schema/duration.ts"
import type { Snapshot } from "../config/snapshot.ts"
import { decidedCalls, spanOfCalls } from "../ledger/decision-queries.ts"
import { LedgerUnreadable, type LedgerReader } from "../ledger/reader.ts"
import { ReplayClock } from "../replay/replay-clock.ts"
import { Replay, type ReplayReport } from "../replay/replay.ts"
import { replayText } from "../replay/report-text.ts"
import { STRATEGIES } from "../routing/strategies.ts"
import { openPastPolicies } from "../server/policies.ts"
import { systemClock } from "../system/clock.ts"
import { EXIT, print, printError, readArguments, UsageError } from "./command.ts"
import { Interrupt } from "./interrupt.ts"
import { configPath, loadOrReport, openedReader } from "./loaded.ts"
import { Progress } from "./progress.ts"

const HELP = `Decide recorded calls again, with another configuration: what would change in targets, cost and latency, by group.

Usage: smart-router replay --config NEW [--since 7d] [--ledger CONFIG] [--ask-services] [--json]

Options:
  --config NEW     the configuration to try
  --since SPAN     how far back: 90m, 12h, 7d (ms, s, m, h, d); 7d by default
  --ledger CONFIG  the configuration whose usage database holds the calls; the one to try by default
  --ask-services   ask policy services of the new configuration, without any content; else their calls are left out
  --json           figures for machines
  -h, --help       show this

Needs calls that were made with server.decision_telemetry on. Without --ask-services nothing is sent, nothing is ever
written, and a running router is not disturbed. Routing scripts run in their sandbox. Costs are the recorded tokens at
the prices of the new target. Latency is what was recorded of the new target's own answers in that time, streams and
whole answers apart.

Exit codes: 0 replayed, 1 the configuration or the usage database cannot be used, 2 wrong arguments, 130 interrupted
(Ctrl-C): what was replayed until then is printed.

Examples:
  smart-router replay --since 7d --config new.yaml
  smart-router replay --since 24h --config new.yaml --ledger /etc/smart-router/config.yaml --json`

interface Range {
  readonly sinceMs: number
  readonly untilMs: number
}

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config", "since", "ledger"], flags: ["json", "ask-services"] })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const since = options.text("since") ?? "7d"
  const range = rangeOf(since)
  const tried = await loadOrReport(configPath(options.text("config")))
  const ledgerPath = options.text("ledger")
  const ledger = ledgerPath === undefined || tried === null ? tried : await loadOrReport(ledgerPath)
  if (tried === null || ledger === null) return EXIT.failed
  const reader = await openedReader(ledger.config)
  if (reader === null) return EXIT.failed
  try {
    using interrupt = new Interrupt()
    const report = await replayed(reader, range, tried.snapshot, options.flag("ask-services"), interrupt)
    if (report === null) return EXIT.failed
    const isWhole = !interrupt.isPressed
    if (!isWhole) printError("Interrupted: these are the figures of the calls until then.")
    if (options.flag("json")) print(JSON.stringify({ since, complete: isWhole, ...report }, null, 2))
    else if (isWhole && report.calls === 0) print(await nothingSince(reader, range))
    else print(replayText(report))
    return isWhole ? EXIT.ok : EXIT.interrupted
  } catch (error) {
    if (!(error instanceof LedgerUnreadable)) throw error
    printError(error.message)
    return EXIT.failed
  } finally {
    await reader.close()
  }
}

function rangeOf(since: string): Range {
  const spanMs = DURATION.test(since) ? parseDurationMs(since) : 0
  if (spanMs <= 0)
    throw new UsageError(
      `${JSON.stringify(since)} is no span of time: a number with ms, s, m, h or d, as in 12h or 7d.`,
    )
  const untilMs = systemClock.now() + 1
  return { sinceMs: untilMs - spanMs, untilMs }
}

async function nothingSince(reader: LedgerReader, { untilMs }: Range): Promise<string> {
  const newest = await spanOfCalls(reader, 0, untilMs)
  const known = newest === null ? "It holds none at all." : `The newest is of ${new Date(newest.lastMs).toISOString()}.`
  return `No call was recorded in this time. ${known}`
}

/** Null: a script of the configuration cannot be used, and why was printed. */
async function replayed(
  reader: LedgerReader,
  range: Range,
  snapshot: Snapshot,
  asksServices: boolean,
  interrupt: Interrupt,
): Promise<ReplayReport | null> {
  const clock = new ReplayClock(systemClock)
  const services = { isWanted: false }
  const policies = openPastPolicies(clock, () => {
    services.isWanted = true
    return asksServices
  })
  try {
    await policies.prepare(snapshot)
  } catch (error) {
    policies.close()
    printError(error instanceof Error ? error.message : String(error))
    return null
  }
  const strategies = { ...STRATEGIES, ...policies.strategies }
  const replay = new Replay(snapshot, { strategies, clock, asksServices, services })
  const progress = new Progress()
  try {
    await replayAll(replay, reader, range, progress, interrupt)
    return replay.report()
  } finally {
    progress.end()
    policies.close()
  }
}

async function replayAll(
  replay: Replay,
  reader: LedgerReader,
  { sinceMs, untilMs }: Range,
  progress: Progress,
  interrupt: Interrupt,
): Promise<void> {
  const span = await spanOfCalls(reader, sinceMs, untilMs)
  if (span === null) return
  const batches = decidedCalls(reader, sinceMs, untilMs)
  let calls = 0
  let shownMs = -Infinity
  for (;;) {
    const batch = await interrupt.during(batches.next())
    if (batch === undefined || batch.done === true) break
    for (const call of batch.value) {
      const nowMs = systemClock.monotonicMs()
      if (nowMs - shownMs > PAUSE_MS) {
        shownMs = nowMs
        progress.show((call.usage.ts - span.firstMs) / Math.max(1, span.lastMs - span.firstMs), `${calls} calls`)
        await turn()
        if (interrupt.isPressed) return replay.finish()
      }
      const waiting = replay.add(call)
      if (waiting !== undefined) await waiting
      calls++
    }
  }
  await replay.finish()
}

/** How long nobody else may do anything, signals included. */
const PAUSE_MS = 50

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
