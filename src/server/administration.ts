/** What a running router has for administrators: the door, and the API of reports. */
import { recordsOf } from "../activation/rows.ts"
import { Standings } from "../activation/standings.ts"
import { Admin } from "../admin/admin.ts"
import { Cursors } from "../admin/api/cursor.ts"
import { ReportsApi } from "../admin/api/reports-api.ts"
import type { ContentTools } from "../admin/content.ts"
import { Entrance } from "../admin/entrance.ts"
import { explainMadeCall } from "../admin/explain.ts"
import type { AdminRules } from "../config/compile/admin-rules.ts"
import type { Config } from "../config/config.ts"
import type { ReloadStatus, UsableReading } from "../config/reload/reload.ts"
import type { Finding } from "../config/findings.ts"
import type { LedgerStore } from "../ledger/open.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { ReportThread } from "../reports/open.ts"
import type { Sources } from "../reports/section.ts"
import { SECTIONS } from "../reports/sections/list.ts"
import { buildInfo } from "../system/build-info.ts"
import { heldLimits } from "./held-limits.ts"
import { livePartsOf } from "./live-parts.ts"
import type { InstallationMarks } from "./issuer-marks.ts"
import { baselinesOf, catalogOf } from "./report-catalog.ts"
import { limitUses } from "./report-limits.ts"
import type { Retention } from "./retention.ts"
import { openSessions } from "./sessions.ts"

interface Means {
  readonly gateway: Gateway
  readonly ledger: Pick<LedgerStore, "activation" | "decidedCall" | "status" | "content" | "whyNoCall">
  readonly marks: InstallationMarks
  readonly reports: ReportThread
  readonly retention: Pick<Retention, "view">
  readonly reloads: () => ReloadStatus
  readonly findings: readonly Finding[]
  /** The usage database holds invented calls, which pages say. */
  readonly isSample: boolean
}

export interface Administration {
  readonly admin: Admin
  readonly entrance: Entrance
  readonly reportsApi: ReportsApi
  readonly content: ContentTools
  /** Takes another configuration, before it is in force. */
  follow(next: Pick<UsableReading, "config" | "findings">, rules: AdminRules): Promise<void>
}

export async function openAdministration(config: Config, means: Means): Promise<Administration> {
  const { clock, log, random, snapshot } = means.gateway
  const store = openSessions(config.server.state, clock, log)
  const admin = new Admin({ clock, random, log, verify: verifyPassword, store })
  await admin.prepare(snapshot.admin)
  let current: InForce = { config, findings: means.findings }
  const content = contentToolsOf(means)
  return {
    admin,
    content,
    entrance: new Entrance({ admin, clock, log }),
    reportsApi: reportsApiOf(admin, () => current, content, means),
    follow: async (next, rules) => {
      await admin.prepare(rules)
      current = next
    },
  }
}

interface InForce {
  readonly config: Config
  readonly findings: readonly Finding[]
}

function verifyPassword(password: string, hash: string): Promise<boolean> {
  return Bun.password.verify(password, hash, "bcrypt")
}

function contentToolsOf({ gateway, ledger }: Means): ContentTools {
  const { clock, random } = gateway
  return { store: ledger.content, keys: () => gateway.snapshot.capture?.keys ?? [], clock, random }
}

function reportsApiOf(
  admin: Admin,
  inForce: () => InForce,
  content: ContentTools,
  { gateway, ledger: store, marks, reports, retention, reloads, isSample }: Means,
): ReportsApi {
  const known = (nowMs: number, signal: AbortSignal): Pick<Sources, "limits" | "catalog"> => ({
    limits: async () => {
      const held = await heldLimits(gateway)
      return limitUses(gateway.snapshot, (sql, parameters) => reports.rows(sql, parameters, signal), nowMs, held)
    },
    catalog: async () => {
      const standings = new Standings()
      standings.adopt(recordsOf(await store.activation.newest()))
      return catalogOf(gateway.snapshot, inForce().config, { nowMs, standings })
    },
  })
  const tools = {
    reports,
    known,
    isSample,
    content,
    baselines: () => baselinesOf(inForce().config),
    cursors: () => new Cursors(marks.keyFor("cursors of reports", gateway.random)),
    explained: (id: string, administrator: Parameters<typeof explainMadeCall>[1]) =>
      explainMadeCall(id, administrator, { gateway, store }),
    live: livePartsOf({
      gateway,
      ledger: store,
      limits: async () => (await known(gateway.clock.now(), new AbortController().signal).limits?.()) ?? [],
      retention: () => retention.view(),
      reloads,
      findings: () => inForce().findings,
    }),
    retention: (signal: AbortSignal) => retention.view(signal),
    version: buildInfo,
  }
  return new ReportsApi(admin, tools, SECTIONS)
}
