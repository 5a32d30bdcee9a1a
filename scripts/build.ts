/**
 * Builds the product into one Linux binary: dist/smart-router.
 *
 *   bun scripts/build.ts [--target x64|arm64] [--outfile FILE]
 *
 * A foreign target needs its Bun runtime from the network, the own one does not.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { basename, dirname, join, relative } from "node:path"
import { parseArgs } from "node:util"
import { buildConsole } from "../src/console/build.ts"
import { makeSearchIndex } from "../src/server/document-index.ts"
import { embedConsole } from "./embed-console.ts"
import { embedIndex } from "./embed-index.ts"

/** What runs in threads of its own: each is found in the binary under its path. */
const THREADS = [
  "capture/thread.ts",
  "config/load-thread.ts",
  "reports/retention-thread.ts",
  "reports/thread.ts",
  "server/apart-thread.ts",
]

const root = join(import.meta.dir, "..")
const { values } = parseArgs({
  options: { target: { type: "string", default: process.arch }, outfile: { type: "string" } },
})
if (values.target !== "x64" && values.target !== "arm64") {
  console.error(`--target must be x64 or arm64, not ${values.target}`)
  process.exit(2)
}
const isNative = process.platform === "linux" && values.target === process.arch
const outfile = values.outfile ?? join(root, "dist", isNative ? "smart-router" : `smart-router-linux-${values.target}`)

mkdirSync(dirname(outfile), { recursive: true })
const folder = mkdtempSync(join(tmpdir(), "smart-router-build-"))
const result = await Bun.build({
  entrypoints: [join(root, "src", "main.ts"), ...THREADS.map((path) => join(root, "src", path))],
  minify: { syntax: true, whitespace: true, identifiers: false },
  sourcemap: "inline",
  define: definitions(),
  plugins: [embedConsole(await buildConsole(), folder), embedIndex(await makeSearchIndex())],
  compile: {
    outfile,
    // the runtime that builds is the runtime that runs
    ...(isNative ? { executablePath: process.execPath } : { target: `bun-linux-${values.target}` as const }),
    // a file that happens to lie where the binary is started must not change what it does
    autoloadDotenv: false,
    autoloadBunfig: false,
    autoloadTsconfig: false,
    autoloadPackageJson: false,
  },
  throw: false,
})
rmSync(folder, { recursive: true, force: true })
for (const message of result.logs) console.error(message)
if (!result.success) process.exit(1)
// the maps are inside the binary, for stack traces
for (const name of [basename(outfile), ...THREADS.map((path) => basename(path, ".ts") + ".js")])
  rmSync(join(dirname(outfile), `${name}.map`), { force: true })
const megabytes = (statSync(outfile).size / 1e6).toFixed(0)
console.log(`${relative(process.cwd(), outfile)}  linux-${values.target}  ${megabytes} MB`)

/** What `smart-router version` and `GET /version` say; read by src/system/build-info.ts. */
function definitions(): Record<string, string> {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { readonly version: string }
  const facts = {
    SMART_ROUTER_VERSION: version,
    SMART_ROUTER_COMMIT: git("rev-parse", "--short=12", "HEAD") ?? "unknown",
    SMART_ROUTER_BUILD_TIME: buildTime(),
  }
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [`process.env.${name}`, JSON.stringify(value)]),
  )
}

/** Follows SOURCE_DATE_EPOCH (https://reproducible-builds.org/docs/source-date-epoch/), so that a build can be repeated. */
function buildTime(): string {
  const seconds = process.env["SOURCE_DATE_EPOCH"]
  return new Date(seconds === undefined ? Date.now() : Number(seconds) * 1000).toISOString()
}

function git(...args: readonly string[]): string | undefined {
  try {
    const run = Bun.spawnSync(["git", ...args], { cwd: root, stderr: "ignore" })
    return run.exitCode === 0 ? run.stdout.toString().trim() : undefined
  } catch {
    return undefined
  }
}
