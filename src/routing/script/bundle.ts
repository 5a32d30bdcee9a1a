/** One script file with everything that it imports, as one text without imports. */
import { builtinModules } from "node:module"
import { dirname, relative, resolve } from "node:path"

export interface Bundle {
  /** The body of a function with the parameters `expose` and `router`. */
  readonly code: string
  /** Every file that went in. */
  readonly files: readonly string[]
}

/** What is wrong with a script, by file, line and column. */
export class ScriptRefused extends Error {
  /** Every file that was read, and those that were looked for in vain. */
  readonly files: readonly string[]

  constructor(message: string, files: readonly string[]) {
    super(message)
    this.name = "ScriptRefused"
    this.files = files
  }
}

const ENTRY = "smart-router-script"
/** Code that the bundler itself would run while it bundles. */
const MACRO = /\bwith\s*\{[^}]*\bmacro\b|\bfrom\s*["']macro:/
const FOREIGN = /^(?:node|bun|data|https?):|^bun$/
const transpiler = new Bun.Transpiler({ loader: "tsx" })

/** Installs nothing and fetches nothing: relative files, and packages that lie beside the script. @throws ScriptRefused */
export async function bundleScript(file: string): Promise<Bundle> {
  const files: string[] = [file]
  const built = await Bun.build({
    entrypoints: [ENTRY],
    target: "browser",
    format: "iife",
    sourcemap: "none",
    minify: { syntax: true, whitespace: false, identifiers: false },
    env: "disable",
    throw: false,
    plugins: [{ name: ENTRY, setup: (builder) => resolveIn(builder, file, files) }],
  })
  const errors = built.logs.filter((log) => log.level === "error")
  const [output] = built.outputs
  if (!built.success || errors.length > 0 || output === undefined)
    throw new ScriptRefused(errors.map((error) => described(error, file)).join("; ") || "it cannot be bundled", [
      ...files,
      ...errors.flatMap(missedBy),
    ])
  return { code: await output.text(), files }
}

function resolveIn(builder: Bun.PluginBuilder, file: string, files: string[]): void {
  builder.onResolve({ filter: new RegExp(`^${ENTRY}$`) }, () => ({ path: ENTRY, namespace: ENTRY }))
  builder.onLoad({ filter: /^/, namespace: ENTRY }, () => ({
    contents: `import * as script from ${JSON.stringify(file)}\nexpose(script.route)`,
    loader: "js",
  }))
  builder.onLoad({ filter: /\.[cm]?[jt]sx?$|\.json$/, namespace: "file" }, async ({ path, loader }) => {
    if (!files.includes(path)) files.push(path)
    const source = Bun.file(path)
    // the text of a pipe comes when somebody writes it
    if (!(await source.stat()).isFile()) throw new Error(`${shown(path, file)} is no regular file`)
    const contents = await source.text()
    const fault = faultIn(contents)
    if (fault !== null) throw new Error(`${shown(path, file)}:${placeOf(contents, fault.at)} ${fault.message}`)
    return { contents, loader }
  })
}

interface Fault {
  readonly at: number
  readonly message: string
}

function faultIn(source: string): Fault | null {
  const macro = MACRO.exec(source)
  if (macro !== null) return { at: macro.index, message: "macros are not allowed in scripts" }
  for (const path of importsOf(source)) {
    if (!FOREIGN.test(path) && !builtinModules.includes(path)) continue
    const at = Math.max(0, source.search(new RegExp(`["']${RegExp.escape(path)}["']`)))
    return { at, message: `a script cannot import ${JSON.stringify(path)}: it has no access to the system` }
  }
  return null
}

/** Of what cannot be parsed the bundler itself complains. */
function importsOf(source: string): readonly string[] {
  try {
    return transpiler.scanImports(source).map(({ path }) => path)
  } catch {
    return []
  }
}

function placeOf(source: string, at: number): string {
  const lines = source.slice(0, at).split("\n")
  return `${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`
}

function described(log: BuildMessage | ResolveMessage, file: string): string {
  const { position } = log
  if (position === null || position.line === 0) return log.message
  return `${shown(position.file, file)}:${position.line}:${position.column} ${log.message}`
}

/** A relative import may leave the ending out. */
const ENDINGS = ["", ".ts", ".tsx", ".js", ".jsx", ".json"] as const

/** Where a relative import that is not there may turn up. */
function missedBy(log: BuildMessage | ResolveMessage): readonly string[] {
  if (!("specifier" in log) || log.position === null || !log.specifier.startsWith(".")) return []
  const path = resolve(dirname(log.position.file), log.specifier)
  return ENDINGS.map((ending) => path + ending)
}

/** Relative to the script's own folder: no path of this machine. */
function shown(path: string, file: string): string {
  return relative(dirname(file), path)
}
