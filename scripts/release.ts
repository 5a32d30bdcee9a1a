/**
 * Builds everything that a release has into dist/release: binaries, the image, packages for Compose, Kubernetes and systemd,
 * the bill of materials, licences, the part of the changelog, and the sums of all.
 *
 *   npm run release [-- --targets x64,arm64] [--base pinned|newest] [--out FOLDER]
 *
 * The same commit gives the same bytes. Needs npm, tar, and for the image apt-get and dpkg-deb (Debian).
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { parseArgs } from "node:util"
import { type Architecture, type Base, openBase } from "./release/base.ts"
import { buildBinary } from "./release/binary.ts"
import { buildFacts } from "./release/facts.ts"
import { imageArchive } from "./release/image.ts"
import { licenceText } from "./release/licences.ts"
import { folderEntries } from "./release/packages.ts"
import { isTarget, type Target, TARGETS, unpackRuntime } from "./release/runtimes.ts"
import { billOfMaterials } from "./release/sbom.ts"
import { gzip, sha256, tar, type TarEntry } from "./release/tar.ts"

const ROOT = join(import.meta.dir, "..")
/** Which binaries images are made of. */
const IMAGES: readonly (readonly [Architecture, Target])[] = [
  ["amd64", "x64"],
  ["arm64", "arm64"],
]

const { values } = parseArgs({
  options: {
    targets: { type: "string", default: TARGETS.join(",") },
    base: { type: "string", default: "pinned" },
    out: { type: "string", default: join(ROOT, "dist/release") },
  },
})
const targets = values.targets.split(",").filter((name) => isTarget(name))
const { base: choice, out } = values
if (targets.length !== values.targets.split(",").length || (choice !== "pinned" && choice !== "newest")) {
  console.error(`--targets takes some of ${TARGETS.join(",")}; --base takes pinned or newest`)
  process.exit(2)
}

const facts = buildFacts(true)
const seconds = Date.parse(facts.time) / 1000
const name = `smart-router-${facts.version}`
const written: string[] = []
rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })

const folder = mkdtempSync(join(tmpdir(), "smart-router-release-"))
try {
  const binaries = await buildBinaries()
  const bases = new Map<Architecture, Base>()
  for (const [architecture, target] of IMAGES)
    if (binaries.has(target)) bases.set(architecture, await openBase(architecture, choice))
  const licences = licenceText([...bases.values()][0] ?? null)
  const beside: TarEntry[] = [
    file("CHANGELOG.md", readFileSync(join(ROOT, "CHANGELOG.md"))),
    file("LICENSE", readFileSync(join(ROOT, "LICENSE"))),
    file("README.md", readFileSync(join(ROOT, "README.md"))),
    file("THIRD-PARTY-LICENCES.txt", licences),
    ...folderEntries(join(ROOT, "release/proxy"), "proxy", facts.version),
    ...folderEntries(join(ROOT, "release/systemd"), "systemd", facts.version),
  ]
  for (const [target, path] of binaries)
    archive(`${name}-linux-${target}`, [{ path: "smart-router", content: readFileSync(path), mode: 0o755 }, ...beside])
  for (const kind of ["compose", "kubernetes"])
    archive(`${name}-${kind}`, folderEntries(join(ROOT, "release", kind), "", facts.version))
  const parts = IMAGES.flatMap(([architecture, target]) => {
    const [base, path] = [bases.get(architecture), binaries.get(target)]
    return base === undefined || path === undefined ? [] : [{ architecture, base, binary: readFileSync(path) }]
  })
  if (parts.length > 0) write(`${name}-image.tar`, imageArchive(parts, facts))
  const sums = new Map([...binaries].map(([target, path]) => [target, sha256(readFileSync(path))]))
  write(`${name}.cdx.json`, billOfMaterials({ facts, binaries: sums, bases }))
  write("THIRD-PARTY-LICENCES.txt", licences)
  write("CHANGES.md", changes())
  writeSums()
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function buildBinaries(): Promise<ReadonlyMap<Target, string>> {
  const built = new Map<Target, string>()
  for (const target of targets) {
    const place = join(folder, target)
    mkdirSync(place)
    const path = join(folder, `smart-router-${target}`)
    await buildBinary(await unpackRuntime(target, place), path, facts)
    rmSync(place, { recursive: true })
    built.set(target, path)
  }
  return built
}

function file(path: string, content: Uint8Array | string): TarEntry {
  return { path, content, mode: 0o644 }
}

/** All of it in a folder of its name. */
function archive(title: string, entries: readonly TarEntry[]): void {
  const inside = entries.map((entry) => ({ ...entry, path: `${title}/${entry.path}` }))
  write(`${title}.tar.gz`, gzip(tar([{ path: `${title}/`, mode: 0o755 }, ...inside], seconds)))
}

function write(title: string, content: Uint8Array | string): void {
  const path = join(out, title)
  writeFileSync(path, content)
  written.push(title)
  console.log(`${relative(process.cwd(), path)}  ${(statSync(path).size / 1e6).toFixed(1)} MB`)
}

function writeSums(): void {
  const lines = written.toSorted().map((title) => `${sha256(readFileSync(join(out, title)))}  ${title}\n`)
  write("SHA256SUMS", lines.join(""))
}

/** The newest part of the changelog. */
function changes(): string {
  const text = readFileSync(join(ROOT, "CHANGELOG.md"), "utf8")
  const start = text.indexOf("\n## ") + 1
  const end = text.indexOf("\n## ", start)
  return `${text.slice(start, end === -1 ? undefined : end).trim()}\n`
}
