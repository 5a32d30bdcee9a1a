/** The reports of a running router, and its care for the cube that they are made of. */
import type { Config } from "../config/config.ts"
import { type CareMeans, careForCube, openReports, type ReportThread } from "../reports/open.ts"

export interface RouterReports {
  readonly thread: ReportThread
  close(): Promise<void>
}

/** The thread starts when there is something to do for it. */
export function openRouterReports({ server }: Config, means: CareMeans): RouterReports {
  const { driver, path, dsn, report_dsn: reportDsn } = server.usage_db
  const thread = openReports(driver === "postgres" ? { path, dsn, reportDsn } : { path })
  const care = careForCube(thread, means)
  return {
    thread,
    close: async () => {
      care.close()
      await thread.close()
    },
  }
}
