/** `smart-router retention`: what is deleted, what is left, what is held; runs it now. */
import type { Arguments } from "./command.ts"
import { EXIT, print, readArguments, UsageError } from "./command.ts"
import { compactDatabase } from "./retention/compact.ts"
import { hold, release } from "./retention/hold.ts"
import { runNow } from "./retention/run-now.ts"
import { showStatus } from "./retention/status.ts"

const HELP = `Say which old rows are deleted, what is left and what is held; delete them now; hold and release rows.

Usage: smart-router retention <action> [options]

Actions:
  status            what the configuration deletes, what the last run did, which legal holds are in force
  run               count what is old enough, and delete it unless server.retention.dry_run says otherwise
  hold              keep rows of a class, whatever their age; needs --class and --reason
  release HOLD_ID   end a hold; needs --reason
  compact           rewrite a SQLite file of an earlier version, so that it can shrink; the router must be stopped

Options:
  --config FILE     the configuration; config.yaml in this folder by default
  --json            print JSON
  --dry-run         run: only count
  --budget TIME     run: how long it may take, as 90s or 2h; 10m by default
  --class CLASS     hold: usage_diagnostics, decision_telemetry, security_access_events or usage_detail
  --request ID      hold: only rows of this call
  --from TIME       hold: only rows from this time on, as 2026-11-01 or 2026-11-01T10:00Z
  --to TIME         hold: only rows before this time
  --reason TEXT     hold, release: why; it is written down
  -h, --help        show this

Exit codes: 0 done, 1 it failed or the database cannot be used, 2 wrong arguments, 4 the run ended before everything was deleted.

Examples:
  smart-router retention run --dry-run
  smart-router retention hold --class usage_diagnostics --request req_… --reason "case 12"
  smart-router retention release hold_… --reason "case 12 is closed"`

const ACTIONS: Readonly<Record<string, (options: Arguments) => Promise<number>>> = {
  status: showStatus,
  run: runNow,
  hold,
  release,
  compact: compactDatabase,
}

export async function run(argv: readonly string[]): Promise<number> {
  const texts = ["config", "budget", "class", "request", "from", "to", "reason"]
  const options = readArguments(argv, { texts, flags: ["json", "dry-run"], positionals: 2 })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const [name, second] = options.positionals
  const action = name !== undefined && Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
  const known = Object.keys(ACTIONS).join(", ")
  if (action === undefined)
    throw new UsageError(
      name === undefined
        ? `Say what to do: ${known}.`
        : `There is no action ${JSON.stringify(name)}; there are ${known}.`,
    )
  if (second !== undefined && name !== "release")
    throw new UsageError(`The argument ${JSON.stringify(second)} is one too many.`)
  return await action(options)
}
