/** Which folders may import which: the table behind the import rules in `.oxlintrc.json`, which `npm run docs` writes from it. */

interface Layer {
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
const LAYERS: readonly Layer[] = [
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
  { folder: "routing", knows: "canonical dialects json", types: "config system", reason: NEIGHBOURS },
  {
    folder: "governance",
    knows: "",
    types: "system:owner-only",
    reason: "src/governance/ counts amounts and limits, and knows no calls, dialects or rows.",
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
    knows: "ledger system",
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
const CONFIG_ROOMS = ["schema", "read", "compile", "check", "reload", "edit"]

/** Rooms of the pipeline: each imports those before it. The last two rehearse steps, or stand beside them. */
const ROOMS = "apart call intake limits targets translation answer cache rows rehearsal aside".split(" ")
const STEPS =
  "admit answer-once attempt authenticate bridge enter fail keep pipeline rank receive redact reply reserve restore settle shortlist".split(
    " ",
  )
const DIALECTS = ["chat", "responses", "messages"]

const FOLDERS = LAYERS.map(({ folder }) => folder)
const DOOR = { regex: "(?:^|/)main\\.ts$", message: "src/main.ts is the door, nothing imports it." }
const OUTSIDE = {
  regex: "^(?:\\.\\./)+(?:test|bench|scripts)/",
  message: "The product does not import its tests, benchmarks or scripts.",
}
const RANDOM = {
  name: "node:crypto",
  importNames: ["randomBytes", "randomUUID", "randomInt", "randomFillSync", "getRandomValues"],
  message: "Randomness is handed in, so that tests can fix it: take it from src/system/.",
}

interface Pattern {
  readonly regex?: string
  readonly group?: readonly string[]
  readonly allowTypeImports?: true
  readonly message: string
}

interface Override {
  readonly files: readonly string[]
  readonly rules: Readonly<Record<string, unknown>>
}

const words = (text: string): readonly string[] => (text === "" ? [] : text.split(" "))
const inside = (folders: readonly string[]): string => `^(?:\\.\\./)+(?:${folders.join("|")})/`

function patternsOf({ folder, knows, never, types = "", reason }: Layer): readonly Pattern[] {
  const typed = words(types).map((one) => one.split(":") as [string, string?])
  const known = knows === "*" ? FOLDERS.filter((one) => !words(never ?? "").includes(one)) : words(knows)
  const banned = FOLDERS.filter(
    (one) => one !== folder && !known.includes(one) && !typed.some(([name]) => name === one),
  )
  const whole = typed.filter(([, files]) => files === undefined).map(([name]) => name)
  const message = `${reason} (Types may be imported: \`import type\`.)`
  return [
    ...(banned.length === 0 ? [] : [{ regex: inside(banned), message: reason }]),
    ...(whole.length === 0 ? [] : [{ regex: inside(whole), allowTypeImports: true as const, message }]),
    ...typed.flatMap(([name, files]) =>
      files === undefined ? [] : [{ group: groupOf(name, files.split(",")), allowTypeImports: true as const, message }],
    ),
    DOOR,
    OUTSIDE,
  ]
}

function groupOf(folder: string, files: readonly string[]): readonly string[] {
  return [`**/${folder}/**`, ...files.map((file) => `!**/${folder}/**/${file}.ts`)]
}

function roomPatterns(room: string): readonly Pattern[] {
  const at = ROOMS.indexOf(room)
  const later = ROOMS.slice(at + 1)
  const message = `A room of the pipeline imports the rooms before it: ${ROOMS.join(", ")}.`
  const mayStep = room === "rehearsal" || room === "aside"
  return [
    // an attempt holds its translation
    ...(room === "call" ? [{ regex: "^\\.\\./translation/", allowTypeImports: true as const, message }] : []),
    ...later
      .filter((one) => room !== "call" || one !== "translation")
      .map((one) => ({ regex: `^\\.\\./${one}/`, message })),
    ...(mayStep ? [] : [{ regex: `^\\.\\./(?:${STEPS.join("|")})\\.ts$`, message: "A room knows no step of a call." }]),
  ]
}

function configPatterns(room: string): readonly Pattern[] {
  const at = CONFIG_ROOMS.indexOf(room)
  const message = `A room of the configuration imports the rooms before it: ${CONFIG_ROOMS.join(", ")}.`
  const parts = /^(?:reload|edit)$/.test(room)
    ? []
    : [
        {
          regex: "^\\.\\./(?:callers|load|load-apart|load-thread|reading)\\.ts$",
          message: "The files beside the rooms use them.",
        },
      ]
  return [...CONFIG_ROOMS.slice(at + 1).map((one) => ({ regex: `^\\.\\./${one}/`, message })), ...parts]
}

function override(files: string, patterns: readonly Pattern[], isImpure = false): Override {
  const options = { patterns, ...(isImpure ? {} : { paths: [RANDOM] }) }
  return { files: [files], rules: { "no-restricted-imports": ["error", options] } }
}

function layerOf(folder: string): Layer {
  const layer = LAYERS.find((one) => one.folder === folder)
  if (layer === undefined) throw new Error(folder)
  return layer
}

function overrides(): readonly Override[] {
  const dialect = {
    regex: `^\\.\\./(?:${DIALECTS.join("|")})/`,
    message: "A dialect folder knows only itself: what two dialects share stands in src/dialects/.",
  }
  const demo = { regex: "^(?:\\.\\./)+errors\\.ts", message: layerOf("demo").reason }
  return [
    ...LAYERS.map((layer) => {
      const patterns = layer.folder === "demo" ? [...patternsOf(layer), demo] : patternsOf(layer)
      return override(`src/${layer.folder}/**/${layer.files ?? "*.ts"}`, patterns, layer.isImpure)
    }),
    ...ROOMS.map((room) =>
      override(`src/pipeline/${room}/**/*.ts`, [...patternsOf(layerOf("pipeline")), ...roomPatterns(room)]),
    ),
    ...CONFIG_ROOMS.map((room) =>
      override(`src/config/${room}/**/*.ts`, [...patternsOf(layerOf("config")), ...configPatterns(room)]),
    ),
    override(`src/dialects/{${DIALECTS.join(",")}}/**/*.ts`, [...patternsOf(layerOf("dialects")), dialect]),
  ]
}

/** The linter's configuration with the import rules of folders as the table says; everything else in it stays. */
export function withLayers(text: string): string {
  const config = JSON.parse(text) as { readonly overrides: readonly Override[] }
  const kept = config.overrides.filter(
    ({ files, rules }) => !Array.isArray(rules["no-restricted-imports"]) || !files.every((one) => one.includes("**")),
  )
  return JSON.stringify({ ...config, overrides: [...overrides(), ...kept] }, null, 2)
}
