/** The API of reports over a running router. */
import type { Admin } from "../admin/admin.ts"
import { Cursors } from "../admin/api/cursor.ts"
import { ReportsApi } from "../admin/api/reports-api.ts"
import { SECTIONS } from "../reports/sections/list.ts"
import { explainMadeCall, type ExplainTools } from "../admin/explain.ts"
import type { Gateway } from "../pipeline/gateway.ts"
import type { ReportThread } from "../reports/open.ts"
import { buildInfo } from "../system/build-info.ts"
import type { InstallationMarks } from "./issuer-marks.ts"

interface Means {
  readonly admin: Admin
  readonly gateway: Gateway
  readonly ledger: ExplainTools["store"]
  readonly marks: InstallationMarks
  readonly reports: ReportThread
}

export function openReportsApi({ admin, gateway, ledger: store, marks, reports }: Means): ReportsApi {
  const tools = {
    reports,
    cursors: () => new Cursors(marks.keyFor("cursors of reports", gateway.random)),
    limits: null,
    catalog: null,
    explained: (id: string, administrator: Parameters<typeof explainMadeCall>[1]) =>
      explainMadeCall(id, administrator, { gateway, store }),
    version: buildInfo,
  }
  return new ReportsApi(admin, tools, SECTIONS)
}
