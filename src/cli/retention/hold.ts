/** `smart-router retention hold` and `release`. */
import { userInfo } from "node:os"
import { openCube } from "../../ledger/cube/connection.ts"
import { type DataClass, RETENTION_CLASSES } from "../../ledger/retention/classes.ts"
import { type HoldTools, isInside, placeHold, releaseHold, type WantedHold } from "../../ledger/retention/holds.ts"
import { nearest } from "../../nearest.ts"
import { usageAddress } from "../../server/retention.ts"
import { systemClock } from "../../system/clock.ts"
import { systemRandom } from "../../system/random.ts"
import { type Arguments, EXIT, print, printError, UsageError } from "../command.ts"
import { configPath, loadOrReport } from "../loaded.ts"

const LONGEST_REASON = 500
const CALL = /^req_[0-9a-f]{32}$/
const INSTANT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/

export async function hold(options: Arguments): Promise<number> {
  const wanted = wantedBy(options)
  return await withLedger(options, async (tools) => {
    const id = await placeHold(wanted, tools)
    print(
      options.flag("json") ? JSON.stringify({ hold_id: id }) : `${id} holds: from now on no run deletes these rows.`,
    )
    return EXIT.ok
  })
}

export async function release(options: Arguments): Promise<number> {
  const [, id] = options.positionals
  if (id === undefined) throw new UsageError("Say which hold: release HOLD_ID.")
  const reason = reasonOf(options)
  return await withLedger(options, async (tools) => {
    if (!(await releaseHold(id, reason, tools))) {
      printError(`There is no hold ${JSON.stringify(id)} in force.`)
      return EXIT.failed
    }
    print(options.flag("json") ? JSON.stringify({ hold_id: id, released: true }) : `${id} is released.`)
    return EXIT.ok
  })
}

/** Who asked, as rows name it. */
export function actorHere(): string {
  return `command ${userInfo().username}`
}

function wantedBy(options: Arguments): WantedHold {
  const requestId = options.text("request") ?? null
  if (requestId !== null && !CALL.test(requestId))
    throw new UsageError("--request takes the id of a call, req_ and 32 digits.")
  const [fromMs, toMs] = [instantOf(options, "from"), instantOf(options, "to")]
  if (fromMs !== null && toMs !== null && fromMs >= toMs) throw new UsageError("--from is not before --to.")
  if (requestId !== null && !isInside(requestId, fromMs, toMs))
    throw new UsageError("The call is not between --from and --to, so nothing would be held.")
  return { dataClass: classOf(options), requestId, fromMs, toMs, reason: reasonOf(options) }
}

function classOf(options: Arguments): DataClass {
  const given = options.text("class")
  const names = RETENTION_CLASSES.filter(({ tables }) => tables.length > 0).map(({ name }) => name)
  if (given === undefined) throw new UsageError(`Say what is held: --class ${names.join(", ")}.`)
  const found = names.find((name) => name === given)
  if (found !== undefined) return found
  const meant = nearest(given, names)
  throw new UsageError(
    `There is no class ${JSON.stringify(given)}.${meant === undefined ? ` There are ${names.join(", ")}.` : ` Did you mean ${meant}?`}`,
  )
}

function reasonOf(options: Arguments): string {
  const reason = options.text("reason")
  if (reason === undefined) throw new UsageError("Say why: --reason TEXT. It is written down.")
  if (reason.length > LONGEST_REASON || /\p{Cc}/u.test(reason))
    throw new UsageError(`--reason takes one line of at most ${LONGEST_REASON} characters.`)
  return reason
}

function instantOf(options: Arguments, name: "from" | "to"): number | null {
  const text = options.text(name)
  if (text === undefined) return null
  const ms = INSTANT.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) throw new UsageError(`--${name} takes a date or a time with its zone, as 2026-11-01T10:00Z.`)
  return ms
}

const PATIENCE = { statementMs: 30_000, lockMs: 5000 }

async function withLedger(options: Arguments, work: (tools: HoldTools) => Promise<number>): Promise<number> {
  const found = await loadOrReport(configPath(options.text("config")))
  if (found === null) return EXIT.failed
  try {
    const connection = await openCube(usageAddress(found.config), PATIENCE, "write")
    try {
      return await work({
        connection,
        nowMs: systemClock.now(),
        actor: actorHere(),
        random: systemRandom().hex(10),
        pause: (ms) => systemClock.sleep(ms),
      })
    } finally {
      await connection.close()
    }
  } catch (error) {
    if (error instanceof UsageError) throw error
    printError(`The usage database takes no hold: ${error instanceof Error ? error.message : String(error)}.`)
    return EXIT.failed
  }
}
