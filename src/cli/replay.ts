import { DURATION, parseDurationMs } from "../config/duration.ts"
import { decidedCalls } from "../ledger/decision-queries.ts"
import { Replay, type ReplayReport } from "../replay/replay.ts"
import { replayText } from "../replay/report-text.ts"
import { systemClock } from "../system/clock.ts"
import { EXIT, print, readArguments, UsageError } from "./command.ts"
import { configPath, loaded, openedReader } from "./loaded.ts"
import { Progress } from "./progress.ts"

const HELP = `Decide recorded calls again, with another configuration: what would change in targets, cost and latency, by group.

Usage: smart-router replay --config NEW [--since 7d] [--ledger CONFIG] [--json]

Options:
  --config NEW     the configuration to try
  --since SPAN     how far back: 12h, 7d, 31d; 7d by default
  --ledger CONFIG  the configuration whose usage database holds the calls; the one to try by default
  --json           figures for machines
  -h, --help       show this

Needs calls that were made with server.decision_telemetry on. Nothing is sent and nothing written; a running router is
not disturbed. Costs are the recorded tokens at the prices of the new target. Latency is what was recorded of the new
target's own answers in that time, streams and whole answers apart.

Exit codes: 0 replayed, 1 the configuration or the usage database cannot be used, 2 wrong arguments.

Examples:
  smart-router replay --since 7d --config new.yaml
  smart-router replay --since 24h --config new.yaml --ledger /etc/smart-router/config.yaml --json`

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config", "since", "ledger"], flags: ["json"] })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const since = options.text("since") ?? "7d"
  const spanMs = DURATION.test(since) ? parseDurationMs(since) : 0
  if (spanMs <= 0) throw new UsageError(`${JSON.stringify(since)} is no span of time: 12h, 7d, 31d.`)
  const path = configPath(options.text("config"))
  const tried = loaded(path)
  const ledgerPath = options.text("ledger")
  const ledger = ledgerPath === undefined || tried === null ? tried : loaded(ledgerPath)
  if (tried === null || ledger === null) return EXIT.failed
  const reader = await openedReader(ledger.config)
  if (reader === null) return EXIT.failed
  const progress = new Progress()
  try {
    const replay = new Replay(tried.snapshot)
    const untilMs = systemClock.now() + 1
    const sinceMs = untilMs - spanMs
    let calls = 0
    for await (const batch of decidedCalls(reader, sinceMs, untilMs)) {
      for (const call of batch) replay.add(call)
      calls += batch.length
      progress.show(((batch.at(-1)?.usage.ts ?? 0) - sinceMs) / spanMs, `${calls} calls`)
    }
    progress.end()
    const report: ReplayReport = replay.report()
    print(options.flag("json") ? JSON.stringify({ since, ...report }, null, 2) : replayText(report))
    return EXIT.ok
  } finally {
    progress.end()
    await reader.close()
  }
}
