/** Who may import whom: the rules of `.oxlintrc.json` are written from this table by `npm run docs`. */

interface Layer {
  readonly folder: string
  /** Folders whose values it may import. */
  readonly values?: string
  /** Folders of which it may import types only, but for the values of the files that are named: `system: owner-only clock`. */
  readonly types?: Readonly<Record<string, string>>
  /** Randomness stands in `node:crypto`, too. */
  readonly random?: true
  readonly why: string
}

const T = ""

export const LAYERS: readonly Layer[] = [
  { folder: "canonical", why: "The neutral conversation is pure data and imports nothing but the catalogue." },
  {
    folder: "system",
    random: true,
    why: "src/system/ holds the impure leaves (clock, random, log, environment): it knows nothing of the product.",
  },
  { folder: "http", why: "http is what both sides of HTTP share: it imports nothing of the product but text.ts." },
  { folder: "json", why: "src/json/ turns bytes into values: it serves the dialects and knows nothing above it." },
  {
    folder: "sse",
    values: "json",
    why: "src/sse/ turns bytes into frames: it serves the dialects and knows nothing above it.",
  },
  {
    folder: "dialects",
    values: "canonical http json sse",
    types: { config: T, system: T },
    why: "A dialect is pure: it maps bytes and values, and knows no config values, sockets, ledger or pipeline.",
  },
  {
    folder: "config",
    values: "canonical http json system",
    types: { dialects: T, governance: T, ledger: "model-prices price" },
    why: "src/config/ reads and checks the configuration: it must load without the parts that it configures.",
  },
  {
    folder: "upstream",
    values: "canonical dialects http json sse",
    types: { config: T, system: T },
    why: "upstream, routing and ledger serve the pipeline and do not know one another; clock, random and config are handed in.",
  },
  {
    folder: "routing",
    values: "canonical dialects http json",
    types: { config: T, system: T },
    why: "upstream, routing and ledger serve the pipeline and do not know one another; clock, random and config are handed in.",
  },
  {
    folder: "governance",
    types: { system: "owner-only" },
    why: "src/governance/ counts: it knows amounts and limits, no calls, dialects or rows; clock and log are handed in.",
  },
  {
    folder: "ledger",
    values: "canonical json",
    types: { config: T, dialects: T, system: "owner-only descriptors" },
    why: "upstream, routing and ledger serve the pipeline and do not know one another; clock, random and config are handed in.",
  },
  {
    folder: "metrics",
    types: { config: T, ledger: T, upstream: T },
    why: "The metrics count what the pipeline hands them, and know nothing of the other parts but the rows and the names in them.",
  },
  {
    folder: "request-log",
    values: "json",
    types: { config: T, dialects: T, ledger: T, system: "owner-only" },
    why: "The request log serves the pipeline: clock and config are handed in, and it knows no other part but the row that it prints.",
  },
  {
    folder: "explain",
    values: "json",
    types: { config: T, dialects: T, ledger: T, system: T },
    random: true,
    why: "explain turns rows of a decision into what people read; it decides nothing.",
  },
  {
    folder: "replay",
    values: "explain json ledger routing",
    types: { config: T, dialects: T, system: T },
    random: true,
    why: "replay decides recorded calls with filters and strategies; it serves nothing and writes nothing.",
  },
  {
    folder: "reports",
    values: "ledger system",
    random: true,
    why: "reports read what the ledger holds and know nothing of calls on their way.",
  },
  {
    folder: "pipeline",
    values: "canonical dialects explain governance http json ledger metrics request-log routing sse upstream",
    types: { config: T, system: T },
    why: "The pipeline is the life of a call: it knows no sockets, routes or commands; clock, random, log and config are handed in.",
  },
  {
    folder: "admin",
    values: "dialects explain http pipeline",
    types: { config: "admin-rules policy-lines", json: T, ledger: T, routing: T, system: T },
    why: "admin says who may ask and asks the pipeline; it knows no sockets, routes or commands, and changes nothing.",
  },
  {
    folder: "server",
    values:
      "admin canonical config dialects explain governance http json ledger metrics pipeline replay reports request-log routing sse system upstream",
    why: "The server is started by a command and knows neither the commands nor the demo.",
  },
  {
    folder: "demo",
    types: { system: T },
    why: "The demo provider plays a foreign vendor: it must not share code with the product that is tested against it.",
  },
  {
    folder: "cli",
    values:
      "admin canonical config demo dialects explain governance http json ledger metrics pipeline replay reports request-log routing server sse system upstream",
    random: true,
    why: "Commands may use all of the product.",
  },
]

/** What a folder may not import beside the table: files at the top of `src/`. */
const FORBIDDEN_FILES: Readonly<Record<string, string>> = {
  http: "(?:main|errors|reasons|bounded-text|bucket|nearest|party)\\.ts",
  demo: "(?:main|errors|reasons|bounded-text|bucket|nearest|party|text)\\.ts",
}

const DIALECTS = "src/dialects/{chat,responses,messages}/**/*.ts"
const SIBLINGS = {
  regex: "^\\.\\./(?:chat|responses|messages)/",
  message: "A dialect folder knows only itself: what two dialects share stands in src/dialects/.",
}
const RANDOM = {
  name: "node:crypto",
  importNames: ["randomBytes", "randomUUID", "randomInt", "randomFillSync", "getRandomValues"],
  message: "Randomness is handed in, so that tests can fix it: take it from src/system/.",
}
const RULE = "no-restricted-imports"

interface Override {
  readonly files: readonly string[]
  readonly rules: Readonly<Record<string, unknown>>
}

/** The linter's configuration with the rules of the table in place of those that it has. */
export function withLayers(text: string): string {
  const config = JSON.parse(text) as { readonly overrides: readonly Override[] }
  const rules = new Map(LAYERS.map((layer) => [`src/${layer.folder}/**/*.ts`, ruleOf(layer, [])]))
  const dialects = LAYERS.find(({ folder }) => folder === "dialects")
  if (dialects !== undefined) rules.set(DIALECTS, ruleOf(dialects, [SIBLINGS]))
  const overrides = config.overrides.map(({ files, rules: own, ...rest }) => {
    const rule = rules.get(files.join(" "))
    rules.delete(files.join(" "))
    return { ...rest, files, rules: rule === undefined ? own : { ...own, [RULE]: rule } }
  })
  const fresh = [...rules].map(([files, rule]) => ({ files: [files], rules: { [RULE]: rule } }))
  return JSON.stringify({ ...config, overrides: [...fresh, ...overrides] }, null, 2)
}

function ruleOf({ folder, values = "", types = {}, random, why }: Layer, more: readonly object[]): unknown {
  const allowed = new Set([folder, ...values.split(" ").filter(Boolean), ...Object.keys(types)])
  const forbidden = LAYERS.map((layer) => layer.folder).filter((name) => !allowed.has(name))
  const typesOnly = Object.keys(types).filter((name) => types[name] === T)
  const ofTypes = { allowTypeImports: true, message: `${why} (Types may be imported: \`import type\`.)` }
  const patterns = [
    ...(forbidden.length === 0 ? [] : [{ regex: folders(forbidden), message: why }]),
    ...(typesOnly.length === 0 ? [] : [{ regex: folders(typesOnly), ...ofTypes }]),
    ...Object.entries(types).flatMap(([name, files]) =>
      files === T
        ? []
        : [{ group: [`**/${name}/**`, ...files.split(" ").map((file) => `!**/${name}/**/${file}.ts`)], ...ofTypes }],
    ),
    FORBIDDEN_FILES[folder] === undefined
      ? { regex: "(?:^|/)main\\.ts$", message: "src/main.ts is the door, nothing imports it." }
      : { regex: `^(?:\\.\\./)+${FORBIDDEN_FILES[folder]}$`, message: why },
    {
      regex: "^(?:\\.\\./)+(?:test|bench|scripts)/",
      message: "The product does not import its tests, benchmarks or scripts.",
    },
    ...more,
  ]
  return ["error", random === true ? { patterns } : { patterns, paths: [RANDOM] }]
}

function folders(names: readonly string[]): string {
  return `^(?:\\.\\./)+(?:${names.toSorted().join("|")})/`
}
