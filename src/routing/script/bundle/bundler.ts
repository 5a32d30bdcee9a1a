/**
 * One script file with everything that it imports, as one text without imports. Runs in a process of its own
 * (`src/cli/bundle-scripts.ts`), and runs nothing of what it bundles.
 */
import { readFileSync } from "node:fs"
import { basename, relative } from "node:path"
import { importsOf, whyForeign, whyRefused, type Import } from "./imports.ts"
import { IS_FOLDER, Resolver } from "./resolve.ts"

/** A script with all its imports, or why there is none. */
export interface Bundled {
  /** The body of a function with the parameters `expose` and `router`; null: refused. */
  readonly code: string | null
  /** Says what is wrong, by file, line and column; empty where nothing is. */
  readonly message: string
  /** What it consists of. Of a refused one all that was looked at, so that a watcher notices what mends it. */
  readonly files: readonly string[]
  /** Every path that was looked at, with what it was like: see `stampOf`. */
  readonly stamps: readonly (readonly [path: string, stamp: string])[]
}

const ENTRY = "smart-router-script"
/**
 * The bundler runs imports that are marked as macros while it bundles, by whatever spelling, but never in a package. So it
 * is told that every file is one of a package. (Attributes are refused by their tokens before, and with a better message.)
 */
const PACKAGE = "/node_modules/script/"
/** All files of a script together. */
const MOST_BYTES = 16_777_216

/** Installs nothing and fetches nothing. Never rejects for what is wrong with the script. */
export async function bundle(script: string): Promise<Bundled> {
  let files: Files
  try {
    files = new Files(script)
  } catch {
    return { code: null, message: `${basename(script)} cannot be read`, files: [script], stamps: [[script, ""]] }
  }
  const built = await Bun.build({
    entrypoints: [ENTRY],
    target: "browser",
    format: "iife",
    sourcemap: "none",
    minify: { syntax: true, whitespace: false, identifiers: false },
    env: "disable",
    throw: false,
    plugins: [{ name: ENTRY, setup: (builder) => files.serve(builder) }],
  })
  const errors = built.logs.filter((log) => log.level === "error").map(described)
  const [output] = built.outputs
  const [fault] = files.faults
  const isBundled = built.success && errors.length === 0 && fault === undefined && output !== undefined
  const message = isBundled ? "" : (fault ?? (errors.join("; ") || "it cannot be bundled"))
  const stamps = [...files.resolver.stamps]
  if (isBundled) return { code: await output.text(), message, files: files.loaded(), stamps }
  const looked = stamps.flatMap(([path, stamp]) => (stamp === IS_FOLDER ? [] : [path]))
  return { code: null, message, files: looked, stamps }
}

/** The only files that the bundler sees. */
class Files {
  readonly resolver: Resolver
  readonly faults: string[] = []
  private readonly entry: string
  private readonly sources = new Map<string, { readonly text: string; readonly imports: readonly Import[] }>()
  private readonly read = new Set<string>()
  private leftBytes = MOST_BYTES

  constructor(script: string) {
    this.resolver = new Resolver(script)
    this.entry = script
  }

  serve(builder: Bun.PluginBuilder): void {
    builder.onResolve({ filter: /^/ }, ({ path, importer }) =>
      path === ENTRY && importer === "" ? { path: ENTRY, namespace: ENTRY } : this.found(path, importer),
    )
    builder.onLoad({ filter: /^/, namespace: ENTRY }, ({ path }) => {
      if (path !== ENTRY) return this.load(path)
      return { contents: `import * as script from "./"\nexpose(script.route)`, loader: "js" }
    })
    builder.onLoad({ filter: /^/ }, ({ path }) => this.refuse(path, null, "a script cannot import it"))
  }

  private found(specifier: string, importer: string): Bun.OnResolveResult {
    const { resolver } = this
    const named = this.sources.get(importer)?.imports.find((one) => one.specifier === specifier)
    if (importer !== ENTRY && named === undefined)
      return this.refuse(importer, null, `it imports ${JSON.stringify(specifier)} in a way that a script may not`)
    try {
      const foreign = whyForeign(specifier)
      if (foreign !== null) throw new Error(foreign)
      const real =
        importer === ENTRY ? resolver.allowed(this.entry) : resolver.resolve(specifier, this.realOf(importer))
      return { path: PACKAGE + relative(resolver.folder, real), namespace: ENTRY }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      const isSaid = message.includes(JSON.stringify(specifier))
      const what = importer === ENTRY || isSaid ? "" : `a script cannot import ${JSON.stringify(specifier)}: `
      return this.refuse(importer, named ?? null, what + message)
    }
  }

  /** Real paths, and the script's own as it is configured. */
  loaded(): readonly string[] {
    return [...new Set([this.entry, ...this.read])]
  }

  private load(path: string): Bun.OnLoadResult {
    const real = this.realOf(path)
    this.resolver.watch(real)
    this.read.add(real)
    const text = readFileSync(real, "utf8")
    this.leftBytes -= text.length
    if (this.leftBytes < 0)
      return this.refuse(path, null, `with it the script has more than ${MOST_BYTES} bytes: import less`)
    if (real.endsWith(".json")) return { contents: text, loader: "json" }
    const imports = importsOf(text)
    this.sources.set(path, { text, imports })
    for (const one of imports) {
      const why = whyRefused(one)
      if (why !== null) return this.refuse(path, one, why)
    }
    return { contents: text, loader: /\.[cm]?ts$/.test(real) ? "ts" : "js" }
  }

  /** @throws Error, always */
  private refuse(path: string, where: Import | null, message: string): never {
    const source = this.sources.get(path)
    const place = where === null || source === undefined ? "" : `:${placeOf(source.text, where.at)}`
    const said = path === ENTRY ? message : `${shown(path)}${place} ${message}`
    this.faults.push(said)
    throw new Error(said)
  }

  private realOf(path: string): string {
    return `${this.resolver.folder}/${path.slice(PACKAGE.length)}`
  }
}

function placeOf(source: string, at: number): string {
  const lines = source.slice(0, at).split("\n")
  return `${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`
}

function described(log: BuildMessage | ResolveMessage): string {
  const { position } = log
  if (position === null || position.line === 0) return log.message
  return `${shown(position.file)}:${position.line}:${position.column} ${log.message}`
}

/** Relative to the script's own folder: no path of this machine. */
function shown(path: string): string {
  const file = path.startsWith(`${ENTRY}:`) ? path.slice(ENTRY.length + 1) : path
  return file.startsWith(PACKAGE) ? file.slice(PACKAGE.length) : file
}
