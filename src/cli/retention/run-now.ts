/** `smart-router retention run`: one run, in this process. */
import { DURATION, parseDurationMs } from "../../config/schema/duration.ts"
import type { RunReport } from "../../ledger/retention/rules.ts"
import { retain } from "../../reports/retention.ts"
import { jobView } from "../../reports/retention-view.ts"
import { BUDGET_MS, runRules, usageAddress } from "../../server/retention.ts"
import { systemClock } from "../../system/clock.ts"
import { type Arguments, EXIT, print, printError, UsageError } from "../command.ts"
import { configPath, loadOrReport } from "../loaded.ts"
import { Progress } from "../progress.ts"
import { actorHere } from "./hold.ts"
import { tableOf } from "./status.ts"

export async function runNow(options: Arguments): Promise<number> {
  const budgetMs = budgetOf(options)
  const found = await loadOrReport(configPath(options.text("config")))
  if (found === null) return EXIT.failed
  const { config } = found
  const { enabled, dry_run: isDry } = config.server.retention
  const rules = runRules(config, actorHere(), budgetMs)
  if (!enabled || rules.classes.length === 0) {
    printError("server.retention is not enabled: nothing is old enough to be deleted.")
    return EXIT.failed
  }
  const ended = new AbortController()
  const stop = (): void => ended.abort()
  process.once("SIGINT", stop)
  process.once("SIGTERM", stop)
  const progress = new Progress()
  try {
    const mode = { isDry: isDry || options.flag("dry-run") }
    const order = { address: usageAddress(config), rules: { ...rules, ...mode }, nowMs: systemClock.now() }
    const report = await retain(
      order,
      ({ table, candidate, deleted }) =>
        progress.show(candidate === 0 ? 1 : deleted / candidate, `${table}: ${deleted}`),
      ended.signal,
    )
    progress.end()
    return told(report, options, isDry)
  } catch (error) {
    progress.end()
    printError(`Old rows cannot be deleted: ${error instanceof Error ? error.message : String(error)}.`)
    return EXIT.failed
  } finally {
    process.off("SIGINT", stop)
    process.off("SIGTERM", stop)
  }
}

function told(report: RunReport | null, options: Arguments, isDryByConfig: boolean): number {
  if (report === null) {
    printError("Another process deletes old rows at this moment: try again later.")
    return EXIT.failed
  }
  const { job } = report
  const view = jobView(report)
  if (options.flag("json")) print(JSON.stringify({ ...view, longest_lock_ms: report.longestLockMs }, null, 2))
  else {
    print(tableOf(view.tables))
    if (view.dry_run) print(isDryByConfig ? "Only counted: server.retention.dry_run is true." : "Only counted.")
    else print(`The longest batch held the write lock for ${report.longestLockMs.toFixed(1)} ms.`)
  }
  if (job.state === "done") return EXIT.ok
  if (job.state !== "failed") {
    printError("There is more to delete: the next run goes on.")
    return EXIT.alarm
  }
  printError(`The run failed: ${job.fault ?? "unknown"}. What it deleted before is deleted; the next run goes on.`)
  return EXIT.failed
}

function budgetOf(options: Arguments): number {
  const text = options.text("budget")
  if (text === undefined) return BUDGET_MS
  if (!DURATION.test(text)) throw new UsageError("--budget takes a time as 90s, 10m or 2h.")
  return parseDurationMs(text)
}
