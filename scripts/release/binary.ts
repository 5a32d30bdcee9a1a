/** Makes the product one file: the bundle of its modules, with the runtime of a target in front. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { buildConsole } from "../../src/console/build.ts"
import { makeSearchIndex } from "../../src/server/document-index.ts"
import type { BuildFacts } from "./facts.ts"
import type { Runtime } from "./runtimes.ts"
import { embedConsole } from "./embed-console.ts"
import { embedIndex } from "./embed-index.ts"

/** Modules that run in threads of their own: each is found in the binary under its path. */
const THREADS = [
  "capture/thread.ts",
  "config/load-thread.ts",
  "reports/retention-thread.ts",
  "reports/thread.ts",
  "server/apart-thread.ts",
]

const ROOT = join(import.meta.dir, "../..")
/** The binary names the files that it holds by their path: the folder is the same in every build. */
const CONSOLE_FOLDER = join(ROOT, "dist/.console")
/** It also holds its own name from when it was built. */
const BUILT_NAME = "smart-router"

/**
 * The same sources, facts and runtime give the same bytes, whatever `outfile` is. @throws Error with what the bundler said
 */
export async function buildBinary(runtime: Runtime, outfile: string, facts: BuildFacts): Promise<void> {
  mkdirSync(dirname(outfile), { recursive: true })
  mkdirSync(CONSOLE_FOLDER, { recursive: true })
  const folder = mkdtempSync(join(dirname(outfile), ".build-"))
  try {
    const built = join(folder, BUILT_NAME)
    const result = await Bun.build({
      entrypoints: [join(ROOT, "src", "main.ts"), ...THREADS.map((path) => join(ROOT, "src", path))],
      minify: { syntax: true, whitespace: true, identifiers: false },
      // inside the binary, for stack traces
      sourcemap: "inline",
      // a start takes half the time where nothing is parsed
      bytecode: true,
      format: "esm",
      define: definitions(facts),
      plugins: [embedConsole(await buildConsole(), CONSOLE_FOLDER), embedIndex(await makeSearchIndex())],
      compile: {
        outfile: built,
        executablePath: runtime.path,
        ...(runtime.bundlerTarget === undefined ? {} : { target: runtime.bundlerTarget }),
        // a file that happens to lie where the binary is started must not change what it does
        autoloadDotenv: false,
        autoloadBunfig: false,
        autoloadTsconfig: false,
        autoloadPackageJson: false,
      },
      throw: false,
    })
    if (!result.success || !existsSync(built)) throw new Error(result.logs.map(String).join("\n"))
    renameSync(built, outfile)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The facts that `smart-router version` and `GET /version` say; read by src/system/build-info.ts. */
function definitions({ version, commit, time }: BuildFacts): Record<string, string> {
  const facts = { SMART_ROUTER_VERSION: version, SMART_ROUTER_COMMIT: commit, SMART_ROUTER_BUILD_TIME: time }
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [`process.env.${name}`, JSON.stringify(value)]),
  )
}
