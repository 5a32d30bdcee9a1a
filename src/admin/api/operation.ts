/** One operation of the API as data: routing, reading, permission, audit and the document of the API all come from it. */
import type { ReportRules } from "../../config/compile/admin-rules.ts"
import type { Explanation } from "../../explain/explanation.ts"
import type { Reports } from "../../reports/query.ts"
import type { Asked, Baseline, Sources } from "../../reports/section.ts"
import type { PageSources } from "../../reports/pages/compose.ts"
import type { Administrator } from "../admin.ts"
import type { ContentTools } from "../content.ts"
import type { Cursors } from "./cursor.ts"
import type { JsonSchema, Parameter, Texts } from "./parameter.ts"

export interface Operation {
  /** Unique, for programs that are made from the document. */
  readonly id: string
  /** Absent: `GET`, and `HEAD`. */
  readonly method?: "DELETE" | "POST"
  /** Below the prefix of reports; `{name}` is a parameter. */
  readonly path: string
  readonly summary: string
  readonly permission: Permission
  readonly parameters: readonly Parameter[]
  readonly answers: Answers
  /** @throws RouterError `invalid-report-filter`, `not-found`; ReportRefused, ReportUnavailable */
  handle(question: Question, tools: ReportTools): Promise<Answer>
}

export type Permission =
  | { readonly object: "admin:reports" | "admin:security_reports"; readonly action: "read" | "export" | "drilldown" }
  | { readonly object: "content:capture"; readonly action: "read" | "delete" | "purge" }

export type Answers =
  | { readonly type: "application/json"; readonly schema: JsonSchema }
  | { readonly type: "text/csv" | "text/markdown" }

export type Answer =
  | { readonly is: "json"; readonly value: object }
  /** A file, a part at a time. */
  | { readonly is: "file"; readonly name: string; readonly parts: AsyncIterable<string> }

export interface Question {
  readonly texts: Texts
  /** Of the path, by name. */
  readonly names: Readonly<Record<string, string>>
  readonly path: string
  readonly administrator: Administrator
  readonly scope: Asked["scope"]
  readonly rules: ReportRules
  readonly nowMs: number
  /** Of the request that asks. */
  readonly requestId: string
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
}

/** Where answers come from. */
export interface ReportTools {
  readonly reports: Reports
  readonly cursors: () => Cursors
  readonly content: ContentTools
  /** As of the configuration in force. */
  readonly known: (nowMs: number, signal: AbortSignal) => Pick<Sources, "limits" | "catalog">
  /** The usage database holds invented calls. */
  readonly isSample: boolean
  readonly baselines: () => readonly Baseline[]
  /** @throws RouterError `not-found`, also for what the administrator does not see */
  readonly explained: (requestId: string, administrator: Administrator) => Promise<Explanation>
  /** The parts of pages that the running router tells of itself, to an administrator of the domain. */
  readonly live: (domain: string) => PageSources["parts"]
  readonly version: object
}
