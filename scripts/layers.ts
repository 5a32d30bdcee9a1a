/** Which folders may import which: the table behind the import rules in `.oxlintrc.json`, which `npm run docs` writes from it (`layer-rules.ts`). */

export interface Layer {
  readonly folder: string
  /** Absent: `*.ts`. */
  readonly files?: string
  /** Folders that it imports; "*": all that are not in `never`. */
  readonly knows: string
  readonly never?: string
  /** Folders of which it imports types alone, but for the files that are named behind a colon. */
  readonly types?: string
  readonly reason: string
  /** Randomness may come from the runtime. */
  readonly isImpure?: boolean
}

const NEIGHBOURS =
  "upstream, routing and ledger serve the pipeline and do not know one another; clock, random and config are handed in."
export const LAYERS: readonly Layer[] = [
  {
    folder: "canonical",
    knows: "",
    reason: "The neutral conversation is pure data and imports nothing but the catalogue.",
  },
  {
    folder: "system",
    knows: "",
    isImpure: true,
    reason: "src/system/ holds the impure leaves (clock, random, log, environment): it knows nothing of the product.",
  },
  {
    folder: "http",
    knows: "",
    reason: "http is what both sides of HTTP share: it imports nothing of the product but texts.",
  },
  {
    folder: "json",
    knows: "",
    reason: "src/json/ turns bytes into values: it serves the dialects and knows nothing above it.",
  },
  {
    folder: "sse",
    knows: "json",
    reason: "src/sse/ turns bytes into frames: it serves the dialects and knows nothing above it.",
  },
  {
    folder: "config",
    knows: "canonical json system",
    types: "dialects:wires governance:check-kinds ledger:model-prices,classes pii:expression,filter",
    reason: "src/config/ reads and checks the configuration: it must load without the parts that it configures.",
  },
  {
    folder: "dialects",
    knows: "canonical json sse",
    types: "config system",
    reason: "A dialect is pure: it maps bytes and values, and knows no config values, sockets, ledger or pipeline.",
  },
  {
    folder: "pii",
    knows: "canonical json sse",
    types: "dialects",
    reason:
      "src/pii/ is pure: it finds, replaces and restores texts in bytes, and knows no calls, configuration or threads.",
  },
  { folder: "upstream", knows: "canonical dialects http json sse", types: "config system", reason: NEIGHBOURS },
  {
    folder: "routing",
    knows: "canonical dialects json",
    types: "activation:capabilities config system",
    reason: NEIGHBOURS,
  },
  {
    folder: "governance",
    knows: "",
    types: "system:owner-only",
    reason: "src/governance/ counts amounts and limits, and knows no calls, dialects or rows.",
  },
  {
    folder: "activation",
    knows: "ledger",
    types: "config dialects:wires system",
    reason: "activation says what is proven of targets: it knows records and configuration, no calls and no commands.",
  },
  {
    folder: "catalogue",
    knows: "activation dialects",
    types: "config:nodes",
    reason:
      "catalogue compares what lists, records and traffic say of models with what a configuration says: pure, it asks nobody.",
  },
  { folder: "cache", knows: "canonical governance http", types: "config dialects system", reason: "It keeps answers." },
  {
    folder: "ledger",
    knows: "canonical json",
    types: "config dialects system:owner-only,descriptors",
    reason: NEIGHBOURS,
  },
  {
    folder: "metrics",
    knows: "",
    types: "config ledger upstream",
    reason: "The metrics count what the pipeline hands them, and know rows and names alone of the other parts.",
  },
  {
    folder: "telemetry",
    knows: "",
    types: "config ledger metrics system",
    reason: "Telemetry writes and sends what the pipeline hands it.",
  },
  {
    folder: "request-log",
    knows: "json",
    types: "config dialects ledger system:owner-only",
    reason: "The request log serves the pipeline, and knows no other part but the row that it prints.",
  },
  {
    folder: "reports",
    knows: "activation catalogue ledger system",
    isImpure: true,
    reason: "reports read what the ledger holds and know nothing of calls on their way.",
  },
  {
    folder: "console",
    knows: "reports",
    types: "pipeline",
    files: "*.{ts,tsx}",
    reason:
      "The console hands out its own files; its pages run in browsers and know the data that pages are made of, which they ask the admin API for.",
  },
  {
    folder: "explain",
    knows: "json",
    types: "config dialects ledger system",
    isImpure: true,
    reason: "explain turns rows of a decision into what people read; it decides nothing.",
  },
  {
    folder: "replay",
    knows: "canonical explain json ledger routing",
    types: "config dialects:wires system",
    isImpure: true,
    reason: "replay decides recorded calls with filters and strategies; it serves nothing and writes nothing.",
  },
  {
    folder: "capture",
    knows: "canonical json pii sse",
    types: "config ledger system:descriptors",
    isImpure: true,
    reason:
      "capture seals what the pipeline hands it: it knows bodies and rows, no calls and no administrators; settings and store are handed in.",
  },
  {
    folder: "pipeline",
    knows: "*",
    never: "admin cli demo replay reports sample server",
    types: "config system",
    reason:
      "The pipeline is the life of a call: it knows no sockets, routes or commands; clock, random, log and config are handed in.",
  },
  {
    folder: "admin",
    knows: "capture dialects explain http pipeline reports",
    types: "config:admin-rules,policy-lines json ledger routing system",
    reason:
      "admin says who may ask and asks the pipeline; it knows no sockets, routes or commands, and changes nothing.",
  },
  {
    folder: "validation",
    knows: "activation canonical dialects ledger pipeline sse upstream",
    types: "config system",
    reason:
      "validation asks upstreams by the exchange of calls and judges answers: it starts no router, opens no database and knows no commands.",
  },
  {
    folder: "server",
    knows: "*",
    never: "cli demo sample",
    reason: "The server is started by a command and knows neither the commands nor the demo.",
  },
  {
    folder: "demo",
    knows: "",
    types: "system",
    reason:
      "The demo provider plays a foreign vendor: it must not share code with the product that is tested against it.",
  },
  {
    folder: "sample",
    knows: "ledger",
    types: "dialects:wires system",
    reason: "sample makes rows of the ledger: it needs to know what they are, and nothing of how calls are handled.",
  },
  { folder: "cli", knows: "*", never: "", isImpure: true, reason: "" },
]

/** Rooms of the configuration: each imports those before it; the last two also the files beside the rooms. */
export const CONFIG_ROOMS: readonly string[] = ["schema", "read", "compile", "check", "reload", "edit"]

/** Rooms of the pipeline: each imports those before it. The last two rehearse steps, or stand beside them. */
export const ROOMS: readonly string[] =
  "apart call intake limits targets translation answer cache rows rehearsal aside".split(" ")
export const STEPS: readonly string[] =
  "admit answer-once attempt authenticate bridge enter fail keep pipeline rank receive redact reply reserve restore settle shortlist".split(
    " ",
  )
export const DIALECTS: readonly string[] = ["chat", "responses", "messages"]
