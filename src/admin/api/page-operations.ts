/** Operations of the console: everything that a page shows, in one answer. */
import type { LedgerReader } from "../../ledger/reader.ts"
import { callRows } from "../../reports/pages/call-rows.ts"
import { callStory } from "../../reports/pages/call-story.ts"
import { composePage, type PageSources } from "../../reports/pages/compose.ts"
import { PAGES } from "../../reports/pages/list.ts"
import type { PageDefinition } from "../../reports/pages/page.ts"
import { readQuestion } from "../../reports/pages/question.ts"
import { sees } from "../domain.ts"
import type { Answer, Operation, Permission, Question, ReportTools } from "./operation.ts"
import { invalid, one, type Parameter } from "./parameter.ts"
import { ONE_RANGE } from "./questions.ts"
import { PAGE_SCHEMA } from "./schemas.ts"

const text = (name: string, about: string, example = ""): Parameter => ({
  name,
  place: "query",
  about,
  schema: { type: "string" },
  example,
})

const PARAMETERS: readonly Parameter[] = [
  ...ONE_RANGE,
  {
    ...text(
      "where",
      "A condition: `project=a,b`, `project!=a`, `token^=tok`, `latency_ms>=500`; all that are given hold.",
    ),
    repeats: true,
  },
  text("slot", "How time is cut: `15m`, `hour`, `day`, `week`, `month`; absent: by the length of the range."),
  text("by", "The dimension that the page tells apart."),
  text("compare", "`no`: without the period before."),
  text("sort", "Which calls come first: `newest`, `oldest`, `cost`, `latency`.", "newest"),
  text("after", "Where a list goes on, as an answer said."),
  text("call", "The id of a call."),
  text("only", "Ids of blocks, separated by commas: these alone."),
  text("baseline", "What savings are reckoned against."),
  text("near", "Of limits: from how many percent of use."),
]

export function pageOperations(): Operation[] {
  return Object.values(PAGES).map((page) => ({
    id: `page_${page.name}`,
    path: `/api/page/${page.name}`,
    summary: page.about,
    permission: permissionOf(page),
    parameters: PARAMETERS,
    answers: { type: "application/json", schema: PAGE_SCHEMA },
    handle: (question, tools) => pageAnswer(page, question, tools),
  }))
}

function permissionOf({ name }: PageDefinition): Permission {
  if (name === "security") return { object: "admin:security_reports", action: "read" }
  return { object: "admin:reports", action: name === "call" ? "drilldown" : "read" }
}

async function pageAnswer(
  page: PageDefinition,
  question: Question,
  { reports, isSample }: ReportTools,
): Promise<Answer> {
  const { texts, scope, rules, nowMs, signal, administrator } = question
  const near = one(texts, "near") ?? "0"
  if (!/^\d{1,3}$/.test(near) || Number(near) > 100) throw invalid("near", "A whole number from 0 to 100 is needed.")
  const parameters = new URLSearchParams(
    [...texts].flatMap(([name, values]) => values.map((value): [string, string] => [name, value])),
  )
  const asked = readQuestion(page, parameters, { nowMs, mostMs: rules.maxRangeMs, domain: scope ?? "*" })
  const ledger = ledgerOf(reports, signal)
  const sources: PageSources = {
    reports,
    callRows: (found) => callRows(ledger, found),
    parts: {
      call: async ({ call }) => {
        const isSeen = isSeenBy(administrator.domain)
        const story = await callStory(ledger, call ?? "", isSeen)
        return story ?? { show: "missing", reason: "There is no such call, or it is gone." }
      },
    },
    isSample,
    nowMs: () => nowMs,
  }
  return { is: "json", value: await composePage(page, asked, sources, signal) }
}

function isSeenBy(domain: string): Parameters<typeof callStory>[2] {
  return ({ caller_project: project, caller_environment: environment }) => sees(domain, project, environment)
}

/** Rows by the thread of reports, whose SQL names no places. */
function ledgerOf(reports: ReportTools["reports"], signal: AbortSignal): Pick<LedgerReader, "query"> {
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
