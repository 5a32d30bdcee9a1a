/** The API of reports: finds the operation of a request, asks whether it is permitted, reads the question, answers. */
import type { ReportRules } from "../../config/compile/admin-rules.ts"
import type { Snapshot } from "../../config/snapshot.ts"
import { asRouterError, RouterError } from "../../errors.ts"
import { authenticate } from "../../pipeline/authenticate.ts"
import type { Incoming, Outgoing } from "../../pipeline/message.ts"
import { ReportRefused, ReportUnavailable } from "../../reports/query.ts"
import type { Asked, SectionDefinition } from "../../reports/section.ts"
import { type Admin, type Administrator, refuseForbidden } from "../admin.ts"
import { contentOperations } from "./content-operations.ts"
import { csvOperations, markdownOperation } from "./exports.ts"
import { openApiDocument } from "./openapi.ts"
import type { Answer, Operation, Permission, Question, ReportTools } from "./operation.ts"
import { pageOperations } from "./page-operations.ts"
import { readTexts } from "./parameter.ts"
import { sectionOperations } from "./section-operations.ts"
import { SINGLE } from "./single-operations.ts"
import { fileOf } from "./file-answer.ts"

export interface Asking {
  readonly request: Incoming
  readonly snapshot: Snapshot
  readonly nowMs: number
  readonly requestId: string
  /** An operation was permitted and is about to be answered. */
  readonly note: (permission: Permission, administrator: Administrator) => void
}

export class ReportsApi {
  readonly operations: readonly Operation[]
  readonly #admin: Admin
  readonly #tools: ReportTools

  constructor(admin: Admin, tools: ReportTools, sections: readonly SectionDefinition[]) {
    this.#admin = admin
    this.#tools = tools
    this.operations = [
      ...sectionOperations(sections),
      ...csvOperations(sections),
      markdownOperation(sections),
      ...pageOperations(),
      ...SINGLE,
      ...contentOperations(),
    ]
  }

  /** Is the path, below the prefix, the API's? Others are the console's. */
  isAt(path: string): boolean {
    return (
      path === "/api" || path.startsWith("/api/") || path.startsWith("/export") || path.startsWith("/security/export")
    )
  }

  /**
   * @throws RouterError `not-found` where nobody can sign in or nothing is there; `unauthorized`, `reports-forbidden`,
   * `content-forbidden`, `reports-disabled`, `security-reports-disabled`, `method-not-allowed`, `invalid-report-filter`, `report-query-failed`
   */
  async answer({ request, snapshot, nowMs, requestId, note }: Asking): Promise<Outgoing> {
    const administrator = await this.#administrator(request, snapshot, nowMs)
    const rules = snapshot.admin.reports
    if (rules === null) throw new RouterError("reports-disabled")
    const path = request.path.slice(rules.prefix.length)
    if (path === OPEN_API) return this.#document(request, administrator, snapshot, rules)
    const { operation, names } = this.#operationAt(path, request)
    this.#expectPermission(administrator, snapshot, operation.permission)
    const { object } = operation.permission
    if (object === "admin:security_reports" && !rules.servesSecurity) throw new RouterError("security-reports-disabled")
    if (operation.answers.type === "text/markdown" && !rules.servesMarkdown) throw new RouterError("not-found")
    const gone = new AbortController()
    request.onGone = () => gone.abort()
    const { domain } = administrator
    const texts = readTexts(searchOf(request), operation.parameters)
    const about = {
      texts,
      names,
      path,
      administrator,
      scope: scopeOf(domain),
      rules,
      nowMs,
      requestId,
      signal: gone.signal,
    }
    note(operation.permission, administrator)
    return outgoing(operation, await answered(operation, about, this.#tools))
  }

  /** A token of a caller opens nothing here, and is told so. */
  async #administrator(request: Incoming, snapshot: Snapshot, nowMs: number): Promise<Administrator> {
    try {
      return await this.#admin.signedIn(request, snapshot)
    } catch (error) {
      if (asRouterError(error).code === "unauthorized" && isCaller(request, snapshot, nowMs))
        throw new RouterError("reports-forbidden", { message: "A caller's token is no sign-in of an administrator." })
      throw error
    }
  }

  #expectPermission(administrator: Administrator, { admin }: Snapshot, { object, action }: Permission): void {
    if (this.#admin.may(administrator, admin, object, action)) return
    throw refuseForbidden(object === "content:capture" ? "content-forbidden" : "reports-forbidden", administrator)
  }

  #document(request: Incoming, administrator: Administrator, snapshot: Snapshot, { prefix }: ReportRules): Outgoing {
    expectReading(request)
    readTexts(searchOf(request), [])
    this.#expectPermission(administrator, snapshot, { object: "admin:reports", action: "read" })
    const { version } = this.#tools.version as { readonly version: string }
    return jsonOf(openApiDocument(this.operations, prefix, version))
  }

  #operationAt(path: string, { method }: Incoming): { operation: Operation; names: Record<string, string> } {
    const found = this.operations.flatMap((operation) => {
      const names = namesIn(operation.path, path)
      return names === null ? [] : [{ operation, names }]
    })
    if (found.length === 0) throw new RouterError("not-found")
    const asked = found.find(({ operation }) => methodsOf(operation).includes(method))
    if (asked !== undefined) return asked
    const allow = found.flatMap(({ operation }) => methodsOf(operation)).join(", ")
    throw new RouterError("method-not-allowed", { headers: { allow } })
  }
}

function methodsOf({ method }: Operation): readonly string[] {
  return method === undefined ? ["GET", "HEAD"] : [method]
}

const OPEN_API = "/api/openapi.json"

async function answered(operation: Operation, question: Question, tools: ReportTools): Promise<Answer> {
  try {
    return await operation.handle(question, tools)
  } catch (error) {
    throw asReportError(error)
  }
}

/** The errors of reports, in the words of the catalogue. */
export function asReportError(error: unknown): unknown {
  if (error instanceof ReportRefused)
    return new RouterError("invalid-report-filter", { param: error.path, message: error.message, cause: error })
  if (!(error instanceof ReportUnavailable)) return error
  const { reason, message } = error
  // those pass by themselves
  const status = reason === "old-schema" ? 500 : 503
  return new RouterError("report-query-failed", { status, message, details: { reason }, cause: error })
}

function outgoing({ answers }: Operation, answer: Answer): Outgoing {
  return answer.is === "json" ? jsonOf(answer.value) : fileOf(answer, answers.type)
}

function jsonOf(value: object): Outgoing {
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(value) }
}

function expectReading({ method }: Incoming): void {
  if (method !== "GET" && method !== "HEAD")
    throw new RouterError("method-not-allowed", { headers: { allow: "GET, HEAD" } })
}

function isCaller({ headers }: Incoming, snapshot: Snapshot, nowMs: number): boolean {
  try {
    authenticate(headers, snapshot, nowMs)
    return true
  } catch (error) {
    // a token that is known and refused is a caller's as well
    return asRouterError(error).code !== "unauthorized"
  }
}

function scopeOf(domain: string): Asked["scope"] {
  if (domain === "*") return null
  const at = domain.indexOf("/")
  return { project: domain.slice(0, at), environment: domain.slice(at + 1) }
}

/** Null: the path is another one. */
function namesIn(pattern: string, path: string): Record<string, string> | null {
  const parts = path.split("/")
  const names: Record<string, string> = {}
  const isIt =
    parts.length === pattern.split("/").length &&
    pattern.split("/").every((wanted, index) => {
      const part = parts[index] ?? ""
      if (!wanted.startsWith("{")) return wanted === part
      names[wanted.slice(1, -1)] = part
      return part !== ""
    })
  return isIt ? names : null
}

function searchOf({ target }: Incoming): string {
  const at = target.indexOf("?")
  return at < 0 ? "" : target.slice(at + 1)
}
