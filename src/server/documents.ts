/** The documents that the product carries with it, in the order of the menu. They are imported, so the binary has them too. */
import admin from "../../docs/admin.md" with { type: "text" }
import architecture from "../../ARCHITECTURE.md" with { type: "text" }
import caching from "../../docs/caching.md" with { type: "text" }
import capture from "../../docs/capture.md" with { type: "text" }
import changelog from "../../CHANGELOG.md" with { type: "text" }
import runtimeBun from "../../docs/decisions/0001-runtime-bun.md" with { type: "text" }
import passthrough from "../../docs/decisions/0003-passthrough.md" with { type: "text" }
import ledgerCommit from "../../docs/decisions/0002-ledger-commit-rule.md" with { type: "text" }
import postgres from "../../docs/decisions/0005-postgres.md" with { type: "text" }
import sharedState from "../../docs/decisions/0006-shared-state.md" with { type: "text" }
import scriptSandbox from "../../docs/decisions/0007-script-sandbox.md" with { type: "text" }
import sharedCapacity from "../../docs/decisions/0008-shared-capacity.md" with { type: "text" }
import cube from "../../docs/decisions/0009-cube.md" with { type: "text" }
import wireFacts from "../../docs/decisions/0010-wire-facts.md" with { type: "text" }
import ownHttp from "../../docs/decisions/0004-own-http.md" with { type: "text" }
import configuration from "../../docs/configuration.md" with { type: "text" }
import dialects from "../../docs/dialects.md" with { type: "text" }
import explain from "../../docs/explain.md" with { type: "text" }
import errors from "../../docs/errors.md" with { type: "text" }
import ledger from "../../docs/ledger.md" with { type: "text" }
import clients from "../../docs/clients.md" with { type: "text" }
import activation from "../../docs/activation.md" with { type: "text" }
import retention from "../../docs/retention.md" with { type: "text" }
import limits from "../../docs/limits.md" with { type: "text" }
import moving from "../../docs/moving.md" with { type: "text" }
import movingFromLiteLlm from "../../docs/moving-from-litellm.md" with { type: "text" }
import metrics from "../../docs/metrics.md" with { type: "text" }
import observability from "../../docs/observability.md" with { type: "text" }
import http from "../../docs/http.md" with { type: "text" }
import privacy from "../../docs/privacy.md" with { type: "text" }
import policies from "../../docs/policies.md" with { type: "text" }
import operations from "../../docs/operations.md" with { type: "text" }
import providers from "../../docs/providers.md" with { type: "text" }
import routing from "../../docs/routing.md" with { type: "text" }
import security from "../../SECURITY.md" with { type: "text" }
import validation from "../../docs/validation.md" with { type: "text" }
import storedState from "../../docs/stored-state.md" with { type: "text" }
import console from "../../docs/console.md" with { type: "text" }
import reports from "../../docs/reports.md" with { type: "text" }
import readme from "../../README.md" with { type: "text" }

export interface Document {
  /** Path in the repository: links between the documents are written against it. */
  readonly file: string
  /** Below `/docs/`; empty for the first page. */
  readonly slug: string
  readonly title: string
  readonly text: string
}

export const DOCUMENTS: readonly Document[] = [
  { file: "README.md", slug: "", title: "Start here", text: readme },
  { file: "docs/providers.md", slug: "providers", title: "Providers", text: providers },
  { file: "docs/clients.md", slug: "clients", title: "Clients", text: clients },
  { file: "docs/configuration.md", slug: "configuration", title: "Configuration", text: configuration },
  { file: "docs/moving.md", slug: "moving", title: "Moving from the reference", text: moving },
  {
    file: "docs/moving-from-litellm.md",
    slug: "moving-from-litellm",
    title: "Moving from LiteLLM",
    text: movingFromLiteLlm,
  },
  { file: "docs/routing.md", slug: "routing", title: "Routing", text: routing },
  { file: "docs/limits.md", slug: "limits", title: "Limits", text: limits },
  { file: "docs/caching.md", slug: "caching", title: "The response cache", text: caching },
  { file: "docs/policies.md", slug: "policies", title: "Routing policies", text: policies },
  { file: "docs/privacy.md", slug: "privacy", title: "Privacy", text: privacy },
  { file: "docs/validation.md", slug: "validation", title: "Checking providers", text: validation },
  { file: "docs/explain.md", slug: "explain", title: "Why a call went there", text: explain },
  { file: "docs/admin.md", slug: "admin", title: "Administrators", text: admin },
  { file: "docs/http.md", slug: "http", title: "HTTP", text: http },
  { file: "docs/errors.md", slug: "errors", title: "Errors", text: errors },
  { file: "docs/dialects.md", slug: "dialects", title: "Dialects", text: dialects },
  { file: "docs/stored-state.md", slug: "stored-state", title: "Stored state", text: storedState },
  { file: "docs/capture.md", slug: "capture", title: "Content capture", text: capture },
  { file: "docs/console.md", slug: "console", title: "The console", text: console },
  { file: "docs/reports.md", slug: "reports", title: "Reports", text: reports },
  { file: "docs/ledger.md", slug: "ledger", title: "The ledger", text: ledger },
  { file: "docs/activation.md", slug: "activation", title: "Activation", text: activation },
  { file: "docs/retention.md", slug: "retention", title: "Retention", text: retention },
  { file: "docs/operations.md", slug: "operations", title: "Operations", text: operations },
  { file: "SECURITY.md", slug: "security", title: "Security", text: security },
  { file: "docs/metrics.md", slug: "metrics", title: "Metrics", text: metrics },
  { file: "docs/observability.md", slug: "observability", title: "Observability", text: observability },
  { file: "ARCHITECTURE.md", slug: "architecture", title: "Architecture", text: architecture },
  {
    file: "docs/decisions/0001-runtime-bun.md",
    slug: "decisions/0001-runtime-bun",
    title: "Decision 1: the runtime",
    text: runtimeBun,
  },
  {
    file: "docs/decisions/0002-ledger-commit-rule.md",
    slug: "decisions/0002-ledger-commit-rule",
    title: "Decision 2: the ledger's commit rule",
    text: ledgerCommit,
  },
  {
    file: "docs/decisions/0003-passthrough.md",
    slug: "decisions/0003-passthrough",
    title: "Decision 3: passthrough",
    text: passthrough,
  },
  {
    file: "docs/decisions/0004-own-http.md",
    slug: "decisions/0004-own-http",
    title: "Decision 4: HTTP",
    text: ownHttp,
  },
  {
    file: "docs/decisions/0005-postgres.md",
    slug: "decisions/0005-postgres",
    title: "Decision 5: PostgreSQL",
    text: postgres,
  },
  {
    file: "docs/decisions/0006-shared-state.md",
    slug: "decisions/0006-shared-state",
    title: "Decision 6: the shared state",
    text: sharedState,
  },
  {
    file: "docs/decisions/0007-script-sandbox.md",
    slug: "decisions/0007-script-sandbox",
    title: "Decision 7: the script sandbox",
    text: scriptSandbox,
  },
  {
    file: "docs/decisions/0008-shared-capacity.md",
    slug: "decisions/0008-shared-capacity",
    title: "Decision 8: shared provider capacity",
    text: sharedCapacity,
  },
  {
    file: "docs/decisions/0009-cube.md",
    slug: "decisions/0009-cube",
    title: "Decision 9: the cube of the reports",
    text: cube,
  },
  {
    file: "docs/decisions/0010-wire-facts.md",
    slug: "decisions/0010-wire-facts",
    title: "Decision 10: a dialect owns its wire",
    text: wireFacts,
  },
  { file: "CHANGELOG.md", slug: "changelog", title: "Changes", text: changelog },
]

export interface MenuPart {
  readonly heading: string
  readonly documents: readonly Document[]
}

/** The first document of each part of the menu, by its slug. */
const PARTS: Readonly<Record<string, string>> = {
  "": "Begin",
  routing: "Serve calls",
  http: "What clients see",
  capture: "Data and reports",
  operations: "Operate",
  architecture: "Inside",
}

/** The documents in the parts of the menu. */
export const MENU: readonly MenuPart[] = DOCUMENTS.reduce<{ heading: string; documents: Document[] }[]>(
  (parts, document) => {
    const heading = Object.hasOwn(PARTS, document.slug) ? PARTS[document.slug] : undefined
    if (heading === undefined) parts.at(-1)?.documents.push(document)
    else parts.push({ heading, documents: [document] })
    return parts
  },
  [],
)
