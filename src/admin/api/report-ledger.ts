/** Detail rows of single calls, by the thread of reports, whose SQL names no places. */
import type { LedgerReader } from "../../ledger/reader.ts"
import type { ReportTools } from "./operation.ts"

export function reportLedger(reports: ReportTools["reports"], signal: AbortSignal): Pick<LedgerReader, "query"> {
  return {
    query: async <Row>(sql: string, parameters: Parameters<LedgerReader["query"]>[1]): Promise<Row[]> => {
      const given: (typeof parameters)[number][] = []
      const plain = sql.replaceAll(/\?(\d+)/g, (_, place: string) => {
        given.push(parameters[Number(place) - 1] ?? null)
        return "?"
      })
      return [...((await reports.rows<Row>(plain, given, signal)) ?? [])]
    },
  }
}
