/** Reads one configuration file and says everything that is wrong with it, in one pass. */
import { createHash } from "node:crypto"
import { dirname, resolve } from "node:path"
import { loadAdmin, reportMissingHashes } from "./check/admin.ts"
import { NO_ADMIN, type LoadedAdminRules } from "./compile/admin-rules.ts"
import { advise } from "./check/advice.ts"
import { checkCapture, withCaptureKey } from "./check/capture-checks.ts"
import { checkContracts } from "./check/contract-checks.ts"
import type { Config } from "./config.ts"
import { reportDatabaseAddress } from "./check/database-address.ts"
import { readTree, type Tree } from "./read/document.ts"
import { collector, formatPath, positionOf, START, type Finding, type Position, type Report } from "./findings.ts"
import { fingerprintNow } from "./read/file-prints.ts"
import { checkIdentities } from "./check/identities.ts"
import { pathOf, reportIssues } from "./check/issues.ts"
import { mapping } from "./read/outline.ts"
import { reportPending } from "./check/pending.ts"
import { FoundPlaces } from "./read/places.ts"
import { reportPolicies } from "./check/policy-checks.ts"
import { checkReferences } from "./check/references.ts"
import { resolveConfig, withDefaultLimits } from "./check/resolve.ts"
import { brokenRules } from "./check/rules.ts"
import { configSchema } from "./schema/config-schema.ts"
import { childOf, type Path } from "./schema/inspect.ts"
import { openSources, readTextFile, whyUnreadable, type OpenedSources, type ReadFile } from "./read/sources.ts"
import { reportTlsFiles } from "./check/tls-files.ts"
import type { Unresolved } from "./read/walk.ts"
import { incompleteIdleProviders, isNeeded, usedProviders, withApiKeys, withoutProviders } from "./check/unresolved.ts"

export interface LoadOptions {
  readonly path: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly readFile?: ReadFile
  readonly fingerprint?: (path: string) => string
}

export interface LoadResult {
  /** Null when a finding is an error. */
  readonly config: Config | null
  /** In the order of the file. */
  readonly findings: readonly Finding[]
  /** Who may administrate; of no use where there is no `config`. */
  readonly admin: LoadedAdminRules
  /** Secret values that the configuration holds, for masking. */
  readonly secrets: readonly string[]
  /** Paths of secrets that stand in the file itself. */
  readonly written: readonly Path[]
  /** The line on which the value of a path stands in the file, from 1; null: it does not stand there. */
  readonly lineOf: (path: Path) => number | null
  /** Absolute paths of every file that the result depends on, whether it exists or not. */
  readonly files: readonly string[]
  /** Their fingerprints, each taken just before the file was read. */
  readonly prints: ReadonlyMap<string, string>
  /** Where something stands in the file, or what is around it. */
  readonly positionOf: (path: Path) => Position
  /** Which text was read: the SHA-256 of the file itself; empty where it could not be read. */
  readonly digest: string
  /** What stands in the file, whatever faults it has. */
  readonly tree: unknown
}

/** The `digest` of a configuration's text. */
export function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex")
}

export function loadConfig(options: LoadOptions): LoadResult {
  const { readFile = readTextFile, fingerprint = fingerprintNow } = options
  const prints = new Map<string, string>()
  const read: ReadFile = (path) => {
    if (!prints.has(path)) prints.set(path, fingerprint(path))
    return readFile(path)
  }
  return { ...loadedBy(read, options), prints }
}

type Loaded = Omit<LoadResult, "prints">

/** To parse more of them from YAML takes many seconds of a processor. */
export const MOST_INLINE_CALLERS = 10_000

function loadedBy(readFile: ReadFile, options: LoadOptions): Loaded {
  const file = resolve(options.path)
  const asked = { ...options, readFile }
  let text: string
  try {
    text = asked.readFile(file)
  } catch (error) {
    const { report, all } = collector(new FoundPlaces())
    report({ code: "unreadable-file", path: [], message: `The configuration cannot be read: ${whyUnreadable(error)}.` })
    const nowhere = { written: [], lineOf: () => null, positionOf: () => START, tree: undefined }
    return { ...NOTHING, findings: all(), files: [file], digest: "", ...nowhere }
  }
  return loadedFrom(text, file, asked)
}

function loadedFrom(
  text: string,
  file: string,
  { env, readFile }: LoadOptions & { readonly readFile: ReadFile },
): Loaded {
  const places = new FoundPlaces()
  const { report, all } = collector(places)
  const sources = openSources(file, env, readFile, report)
  const read = readTree(text, configSchema, sources, places, report)
  const { config, admin, secrets, files } =
    read.value === undefined ? NOTHING : validate(read, { file, sources, readFile, report })
  const findings = all()
  return {
    config: findings.some((finding) => finding.severity === "error") ? null : config,
    findings,
    admin,
    secrets: [...new Set([...read.secrets, ...secrets])],
    written: read.written,
    lineOf: (place) => places.get(place)?.value.line ?? null,
    files: [...new Set([file, ...sources.files, ...files])],
    digest: digestOf(text),
    tree: read.value,
    positionOf: (place) => positionOf(places, place),
  }
}

type Validated = Pick<LoadResult, "config" | "admin" | "secrets" | "files">

const NOTHING: Validated = { config: null, admin: NO_ADMIN, secrets: [], files: [] }

interface Surroundings {
  readonly file: string
  readonly sources: OpenedSources
  readonly readFile: ReadFile
  readonly report: Report
}

function validate(read: Tree, { file, sources, readFile, report }: Surroundings): Validated {
  const keyed = withApiKeys(read, sources, report)
  const unresolved = keyed.unresolved
  const explained = new Set([...read.explained, ...unresolved.map((entry) => formatPath(entry.path))])
  const tree = withLimits(keyed.tree)
  const whole = configSchema.safeParse(tree)
  const issues = whole.success ? [] : [...whole.error.issues, ...brokenRules(tree, configSchema)]
  const demanded = new Set(issues.map((issue) => formatPath(pathOf(issue))).filter((path) => explained.has(path)))
  const idle = incompleteIdleProviders(
    keyed.tree,
    unresolved.filter(({ path }) => demanded.has(formatPath(path))),
  )
  const parsed = idle.size === 0 ? whole : configSchema.safeParse(withLimits(withoutProviders(keyed.tree, idle)))
  reportUnresolved(unresolved, keyed.tree, demanded, sources, report)
  reportIssues(issues, { root: configSchema, tree: keyed.tree, expanded: read.expanded, explained, report })
  checkReferences(keyed.tree, report)
  checkIdentities(keyed.tree, report)
  checkCount(keyed.tree, report)
  reportPending(keyed.tree, configSchema, report)
  if (!parsed.success) {
    reportMissingHashes(keyed.tree, sources, report)
    return { ...NOTHING, secrets: keyed.secrets }
  }
  const resolved = resolveConfig(parsed.data as Parameters<typeof resolveConfig>[0], configSchema, dirname(file))
  const { config, secrets } = withCaptureKey(resolved, sources)
  const admin = loadAdmin(config, sources, readFile, report)
  const files = [
    ...admin.files,
    ...reportTlsFiles(config, readFile, report),
    ...reportDatabaseAddress(config, readFile, report),
    ...reportPolicies(config, readFile, report),
  ]
  checkContracts(config, report)
  checkCapture(config, report)
  advise(config, explained, report)
  return { config, admin: admin.rules, secrets: [...keyed.secrets, ...secrets, ...admin.secrets], files }
}

function checkCount(tree: unknown, report: Report): void {
  const { callers } = mapping(tree)
  if (!Array.isArray(callers) || callers.length <= MOST_INLINE_CALLERS) return
  const message = `There are more than ${MOST_INLINE_CALLERS.toLocaleString("en-US")} callers here.`
  report({ code: "too-large", path: ["callers"], atKey: true, message, expected: "a `callers_file` that holds them" })
}

/** Limits of callers start from `server.default_caller`; its own faults are reported where it stands. */
function withLimits(tree: unknown): unknown {
  const root = mapping(tree)
  const serverSchema = childOf(configSchema, "server")
  const schema = serverSchema && childOf(serverSchema, "default_caller")
  const defaults = schema?.safeParse(mapping(root["server"])["default_caller"])
  if (defaults?.success !== true || !Array.isArray(root["callers"])) return tree
  const limits = mapping(defaults.data)
  const callers = root["callers"].map((caller: unknown) =>
    isMapping(caller) ? withDefaultLimits(caller, limits) : caller,
  )
  return { ...root, callers }
}

function isMapping(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** @param demanded formatted paths of values that the schema does not let out */
function reportUnresolved(
  unresolved: readonly Unresolved[],
  tree: unknown,
  demanded: ReadonlySet<string>,
  sources: OpenedSources,
  report: Report,
): void {
  const used = usedProviders(tree)
  for (const { path, variables, files } of unresolved) {
    const idle = path[0] === "providers" && !used.has(String(path[1]))
    const needed = !idle && (demanded.has(formatPath(path)) || isNeeded(path, tree))
    const severity = needed ? "error" : "warning"
    const rest = needed ? "" : " Nothing active needs it."
    if (variables.length > 0) {
      const message = `${variables.join(" and ")} ${variables.length > 1 ? "have" : "has"} no value.${rest}`
      const expected = "a value in the environment, or in env.json beside the configuration"
      report({ severity, code: "missing-variable", path, message, expected })
    }
    for (const file of files) {
      const message = `The file ${file} cannot be used: ${sources.whyNot(file)}.${rest}`
      report({ severity, code: "unreadable-file", path, message })
    }
  }
}
