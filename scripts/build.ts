/**
 * Builds the product into one Linux binary: dist/smart-router.
 *
 *   bun scripts/build.ts [--target x64|x64-baseline|arm64|x64-musl|arm64-musl] [--outfile FILE]
 *
 * Without a target the runtime that builds is the runtime that runs; that of a target comes from npm.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { parseArgs } from "node:util"
import { buildBinary } from "./release/binary.ts"
import { buildFacts } from "./release/facts.ts"
import { isTarget, OWN_RUNTIME, TARGETS, unpackRuntime } from "./release/runtimes.ts"

const root = join(import.meta.dir, "..")
const { values } = parseArgs({ options: { target: { type: "string" }, outfile: { type: "string" } } })
const { target } = values
if (target !== undefined && !isTarget(target)) {
  console.error(`--target must be one of ${TARGETS.join(", ")}, not ${target}`)
  process.exit(2)
}
const name = target === undefined ? "smart-router" : `smart-router-linux-${target}`
const outfile = values.outfile ?? join(root, "dist", name)
const folder = mkdtempSync(join(tmpdir(), "smart-router-build-"))
try {
  const runtime = target === undefined ? OWN_RUNTIME : await unpackRuntime(target, folder)
  await buildBinary(runtime, outfile, buildFacts(false))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
const megabytes = (statSync(outfile).size / 1e6).toFixed(0)
console.log(`${relative(process.cwd(), outfile)}  linux-${target ?? process.arch}  ${megabytes} MB`)
