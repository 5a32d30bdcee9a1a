/** Where a report reads from: a configuration's usage database, or one that is named. */
import { existsSync } from "node:fs"
import { readStandings } from "../../activation/store.ts"
import type { Config } from "../../config/config.ts"
import { openReports, type ReportThread } from "../../reports/open.ts"
import type { Baseline, Sources } from "../../reports/section.ts"
import { sourcesOf } from "../../reports/build.ts"
import { controlPath } from "../../server/control.ts"
import type { HeldLimit } from "../../server/held-limits.ts"
import { baselinesOf, catalogOf } from "../../server/report-catalog.ts"
import { limitUses } from "../../server/report-limits.ts"
import { usageAddress } from "../../server/retention.ts"
import { systemClock } from "../../system/clock.ts"
import { silentLog } from "../../system/log.ts"
import type { Arguments } from "../command.ts"
import { UsageError } from "../command.ts"
import { heldAt } from "../running-router.ts"
import { configPath, loadOrReport, type Loaded } from "../loaded.ts"

export interface ReportSource {
  readonly thread: ReportThread
  readonly baselines: readonly Baseline[]
  sources(nowMs: number): Sources
}

const DEADLINE_MS = 120_000
const DEMO_FILE = ".demo/config.yaml"

/** Null: the configuration has errors, which were printed. Whoever gets it closes its thread. */
export async function reportSource(options: Arguments): Promise<ReportSource | null> {
  const [file, db, dsn] = [options.text("config"), options.text("db"), options.text("dsn")]
  if ([file, db, dsn].filter((given) => given !== undefined).length > 1)
    throw new UsageError("Give one of --config, --db and --dsn.")
  if (db !== undefined && !existsSync(db)) throw new UsageError(`There is no file ${db}.`)
  if (db !== undefined) return sourceOf({ path: db }, null)
  if (dsn !== undefined) return sourceOf({ path: "", dsn }, null)
  const found = await loadOrReport(fileOf(file))
  return found === null ? null : sourceOf(addressOf(found.config), found)
}

/** A newcomer has the demo's folder, and no other. */
function fileOf(given: string | undefined): string {
  if (given === undefined && !existsSync("config.yaml") && existsSync(DEMO_FILE)) return DEMO_FILE
  return configPath(given)
}

/** Null: no router of this configuration runs here, or it cannot tell. */
async function heldNow({ config }: Loaded): Promise<readonly HeldLimit[] | null> {
  try {
    return await heldAt(controlPath(config.server.usage_db.path))
  } catch {
    return null
  }
}

type Address = Parameters<typeof openReports>[0]

function addressOf({ server }: Config): Address {
  const { driver, path, dsn, report_dsn: reportDsn } = server.usage_db
  return driver === "postgres" ? { path, dsn, reportDsn } : { path }
}

function sourceOf(address: Address, known: Loaded | null): ReportSource {
  const thread = openReports({ ...address, deadlineMs: DEADLINE_MS })
  return {
    thread,
    baselines: known === null ? [] : baselinesOf(known.config),
    sources: (nowMs) => {
      const catalog =
        known === null
          ? null
          : async () => {
              const standings = await readStandings(usageAddress(known.config), { clock: systemClock, log: silentLog })
              return catalogOf(known.snapshot, known.config, { nowMs, standings })
            }
      const limits =
        known === null
          ? null
          : async () =>
              await limitUses(
                known.snapshot,
                (sql, parameters) => thread.rows(sql, parameters),
                nowMs,
                await heldNow(known),
              )
      return sourcesOf(thread, { limits, catalog, nowMs })
    },
  }
}
