/** Operations that answer pages of the console: everything that a page shows, from one request. */
import { sourcesOf } from "../../reports/build.ts"
import { PAGES } from "../../reports/pages/list.ts"
import type { PageDefinition } from "../../reports/pages/page.ts"
import type { PageAnswer } from "../../reports/pages/block.ts"
import { callRows } from "../../reports/pages/call-rows.ts"
import { callStory } from "../../reports/pages/call-story.ts"
import { composePage, type PageSources, type Part } from "../../reports/pages/compose.ts"
import { readQuestion, SLOTS } from "../../reports/pages/question.ts"
import { sectionParts } from "../../reports/pages/section-parts.ts"
import { RouterError } from "../../errors.ts"
import type { Asked } from "../../reports/section.ts"
import { sees } from "../domain.ts"
import type { Answer, Operation, Permission, Question, ReportTools } from "./operation.ts"
import { one, type Parameter } from "./parameter.ts"
import { askedOf, boundOf, CURSOR, RANGE, SORT } from "./questions.ts"
import { reportLedger } from "./report-ledger.ts"
import { PAGE_SCHEMA } from "./schemas.ts"

const text = (name: string, about: string, example: string, schema: Parameter["schema"]): Parameter => ({
  name,
  place: "query",
  about,
  schema,
  example,
})

const SLOT: Parameter = text("slot", "How time is cut; absent: as it fits the range.", "day", {
  type: "string",
  enum: [...SLOTS],
})
const COMPARE: Parameter = text("compare", "`no`: without the period before.", "no", {
  type: "string",
  enum: ["yes", "no"],
})
const ONLY: Parameter = text("only", "These blocks alone, by their ids, separated by commas.", "", { type: "string" })
const CALL: Parameter = text("call", "The id of the call.", "", { type: "string", pattern: "^req_[0-9a-f]{32}$" })

export function pageOperations(): Operation[] {
  return Object.values(PAGES).map(operationOf)
}

function operationOf(page: PageDefinition): Operation {
  const [first] = page.by
  const by =
    first === undefined
      ? []
      : [text("by", "What is told apart.", first, { anyOf: [{ enum: [...page.by] }, { pattern: "^tag\\.." }] })]
  const list = page.name === "calls" ? [SORT, CURSOR] : []
  const call = page.name === "call" ? [CALL] : []
  return {
    id: `page_${page.name}`,
    path: `/api/page/${page.name}`,
    summary: `Everything that the page ${page.title} of the console shows. ${page.about}`,
    permission: permissionOf(page),
    parameters: [...RANGE, ...by, SLOT, COMPARE, ONLY, ...list, ...call],
    answers: { type: "application/json", schema: PAGE_SCHEMA },
    handle: (question, tools) => pageAnswer(page, question, tools),
  }
}

function permissionOf({ name }: PageDefinition): Permission {
  if (name === "security") return { object: "admin:security_reports", action: "read" }
  return { object: "admin:reports", action: name === "call" ? "drilldown" : "read" }
}

async function pageAnswer(page: PageDefinition, question: Question, tools: ReportTools): Promise<Answer> {
  const { texts, signal } = question
  // what a page tells apart is its own: sections keep theirs
  const { by: _, ...asked } = askedOf(
    { ...question, texts: new Map([...texts].filter(([name]) => name !== "by")) },
    tools,
  )
  const whole = { ...asked, by: [] }
  const read = readQuestion(page, whole, {
    by: one(texts, "by"),
    slot: one(texts, "slot"),
    compare: one(texts, "compare"),
    call: one(texts, "call"),
    only: one(texts, "only"),
  })
  const answer = await composePage(page, read, pageSources(whole, question, tools), signal)
  return { is: "json", value: withCursors(answer, whole, question, tools) }
}

function pageSources(asked: Asked, question: Question, tools: ReportTools): PageSources {
  const { administrator, nowMs, rules, signal } = question
  const { domain } = administrator
  const sources = sourcesOf(tools.reports, { ...tools.known(nowMs, signal), nowMs }, signal)
  const ledger = reportLedger(tools.reports, signal)
  const call: Part = async ({ call: id }) => {
    if (id === null) return { show: "missing", reason: "No call is named: `call` takes the id of one." }
    const story = await callStory(ledger, id, isSeenBy(domain))
    if (story === null) throw new RouterError("not-found", { message: "There is no such call." })
    return story
  }
  // top-level tables of a page have a thousand rows; the sections on it keep to the configuration's bound
  const parts = sectionParts({ ...asked, top: rules.maxRows }, sources)
  return {
    reports: {
      queries: (queries) => tools.reports.queries(queries, signal),
      search: (search) => sources.search(search),
    },
    callRows: (found) => callRows(ledger, found),
    parts: { ...parts, ...tools.live(domain), call },
    isSample: tools.isSample,
    nowMs: () => nowMs,
  }
}

/** Where a list goes on becomes a cursor, good for the same question alone. */
function withCursors(answer: PageAnswer, asked: Asked, question: Question, { cursors }: ReportTools): PageAnswer {
  const blocks = answer.blocks.map((block) =>
    block.show === "table" && typeof block.next === "string"
      ? { ...block, next: cursors().write({ place: block.next, to: asked.to }, boundOf(question)) }
      : block,
  )
  return { ...answer, blocks }
}

function isSeenBy(domain: string): Parameters<typeof callStory>[2] {
  return ({ caller_project: project, caller_environment: environment }) => sees(domain, project, environment)
}
