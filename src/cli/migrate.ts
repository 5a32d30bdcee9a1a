/** `smart-router migrate`: the schema of the usage database, without serving. */
import { bringUpToDate } from "../ledger/open.ts"
import { MIGRATIONS, NEWEST } from "../ledger/migrations.ts"
import { type AppliedStep, appliedSteps } from "../ledger/reader.ts"
import { systemClock } from "../system/clock.ts"
import { jsonLog, silentLog } from "../system/log.ts"
import { migrationProgress } from "../system/progress.ts"
import { EXIT, print, printError, readArguments, UsageError } from "./command.ts"
import { ChangeRefused } from "./token/config-file.ts"
import { usageDbOf } from "./usage-db.ts"

const HELP = `Bring the schema of the usage database up to date without serving, or say what that would do.

Usage: smart-router migrate status|plan|apply [--config FILE] [--json]

  status         which version the schema has, and when each step was taken
  plan           the steps that are missing; nothing is changed
  apply          takes them, with a line for each; a step that was interrupted goes on where it was

Options:
  --config FILE  the configuration; config.yaml in this folder by default
  --json         for machines
  -h, --help     show this

smart-router serve takes missing steps by itself at its start. With apply, a deployment takes them once, before several
routers start. Routers of the version before go on meanwhile: steps only add.

Exit codes: 0 the schema is up to date (or the steps were said, or taken), 1 steps are missing (status) or the database
cannot be used, 2 wrong arguments.

Examples:
  smart-router migrate plan --config router/config.yaml
  smart-router migrate apply --config router/config.yaml && smart-router serve --config router/config.yaml`

const ACTIONS = ["status", "plan", "apply"] as const
type Action = (typeof ACTIONS)[number]

export async function run(argv: readonly string[]): Promise<number> {
  const options = readArguments(argv, { texts: ["config"], flags: ["json"], positionals: 1 })
  if (options.flag("help")) {
    print(HELP)
    return EXIT.ok
  }
  const action = ACTIONS.find((name) => name === options.positionals[0])
  if (action === undefined) throw new UsageError("Say what to do: smart-router migrate status, plan or apply.")
  try {
    const { path, dsn, isPostgres } = await usageDbOf(options.text("config"))
    if (isPostgres && dsn === undefined) {
      printError("The address of the PostgreSQL database is not known here: run smart-router check for the reason.")
      return EXIT.failed
    }
    const address = { path, dsn: isPostgres ? dsn : undefined }
    const before = await appliedSteps(address, { clock: systemClock, log: silentLog })
    if (action === "apply") {
      const onMigration = migrationProgress(process.stderr)
      await bringUpToDate({ ...address, clock: systemClock, log: jsonLog(systemClock), onMigration })
    }
    const applied = action === "apply" ? await appliedSteps(address, { clock: systemClock, log: silentLog }) : before
    return say(action, before, applied, options.flag("json"))
  } catch (error) {
    if (!(error instanceof Error) || error instanceof UsageError) throw error
    printError(error instanceof ChangeRefused ? error.message : reasonOf(error))
    return EXIT.failed
  }
}

/** With the cause, where there is one that the message does not tell. */
function reasonOf({ message, cause }: Error): string {
  const why = cause instanceof Error && !message.includes(cause.message) ? ` ${cause.message}` : ""
  const text = message + why
  return text.endsWith(".") ? text : `${text}.`
}

function say(action: Action, before: readonly AppliedStep[], applied: readonly AppliedStep[], isJson: boolean): number {
  const version = applied.at(-1)?.version ?? 0
  const known = new Set(applied.map((step) => step.version))
  const missing = MIGRATIONS.filter((step) => !known.has(step.version))
  const taken = applied.filter((step) => !before.some((earlier) => earlier.version === step.version))
  if (isJson) {
    const steps = applied.map((step) => ({ ...step, applied_at: new Date(step.applied_at).toISOString() }))
    const names = missing.map((step) => ({
      version: step.version,
      name: step.name,
      over_calls: step.overCalls !== undefined,
    }))
    print(JSON.stringify({ version, newest: NEWEST, applied: steps, missing: names, taken: taken.length }, null, 2))
  } else {
    const state = missing.length === 0 ? "up to date" : `${missing.length} steps behind version ${NEWEST}`
    print(`The schema has version ${version}: ${state}.`)
    if (action === "status")
      for (const step of applied) print(`  ${line(step)}  ${new Date(step.applied_at).toISOString()}`)
    if (action === "apply") for (const step of taken) print(`  ${line(step)}  taken`)
    else
      for (const step of missing)
        print(`  ${line(step)}  missing${step.overCalls === undefined ? "" : ", goes over all calls"}`)
  }
  return action === "status" && missing.length > 0 ? EXIT.failed : EXIT.ok
}

function line({ version, name }: { readonly version: number; readonly name: string }): string {
  return `${String(version).padStart(3)}  ${name.padEnd(20)}`
}
